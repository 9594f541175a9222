"""Replaced words beside masked ones along the way: ``electra_curve``."""

from saying import Said, Table, read

from npft.experiments.electra_curve import RATES, TASKS, best_rate, curve, electra_table

MASKED, REPLACED = "roberta", "electra"


def claims():
    cells = read("electra_curve")
    yield Table(electra_table(cells))
    low, high = RATES
    end = {(way, lr, task): curve(cells, way, lr, task)[-1]
           for way in (MASKED, REPLACED) for lr in RATES for task in TASKS}
    best = {(way, task): end[way, best_rate(cells, way, task), task]
            for way in (MASKED, REPLACED) for task in TASKS}
    topic, senses = ([best[way, task] for way in (REPLACED, MASKED)] for task in TASKS)
    yield Said("topics with {:.2f} after replaced words and {:.2f} after masked ones ({} of {} "
               "seeds higher)", topic[0].mean(), topic[1].mean(), (topic[0] > topic[1]).sum(),
               len(topic[0]))
    yield Said("senses with {:.2f} and {:.2f} ({} of {})", senses[0].mean(), senses[1].mean(),
               (senses[0] > senses[1]).sum(), len(senses[0]))
    assert best_rate(cells, REPLACED, "topic") == low
    start = curve(cells, REPLACED, high, "topic")[0]
    yield Said("a probe ends at {:.2f} after replaced words and began at {:.2f}",
               end[REPLACED, high, "topic"].mean(), start.mean())
    steps = {way: {c["steps"] for c in cells if c["way"] == way} for way in (MASKED, REPLACED)}
    yield Said("buys {:,} steps of it for {:,}", min(steps[REPLACED]), max(steps[MASKED]))
