"""A new domain, several languages: ``adaptation``, ``dapt``, ``languages``, ``curse``."""

import numpy as np
from saying import Said, of, read, table

from npft.experiments.curse import WIDTH, accents, by_languages, with_fewer_steps
from npft.experiments.dapt import TASKS, WAYS, dapt_table

GAIN = 0.005  # of F1: what shows in two digits


def claims():
    yield from adaptation(read("adaptation"))
    yield from dapt(read("dapt"))
    yield from languages(read("languages"))
    yield from curse(read("curse"))


def adaptation(cells):
    def mean(way, measure, at=-1):
        return np.mean([c["history"][at][measure] for c in of(cells, name=way)])

    many, few, replay = "2,000 documents", "25 documents", "2,000 documents, replay 20%"
    domain, general = "domain_mlm_loss", "general_mlm_loss"
    yield Said("lowers its held-out clinic loss from {:.1f} to {:.1f} nats with 2,000 documents; "
               "with 25 it ends at {:.1f}, and a gap of {:.1f} opens", mean(many, domain, 0),
               mean(many, domain), mean(few, domain),
               mean(few, domain) - mean(few, "seen_mlm_loss"))
    yield Said("general text rises from {:.1f} to {:.1f}. Replaying 20 % general text holds that "
               "at {:.1f}, for {:.1f} nats on the clinic", mean(many, general, 0),
               mean(many, general), mean(replay, general),
               mean(replay, domain) - mean(many, domain))
    yield Said("its loss falls by {:.0f} nats; 20 % of old text holds",
               mean(many, domain, 0) - mean(many, domain))


def dapt(cells):
    def mean(way, text, at=-1):
        return np.mean([c["losses"][at][text] for c in of(cells, way=way)])

    many, few, replay = "2,000 documents", "25 documents", "2,000 documents, replay"
    yield Said("ends at {:.2f} nats with 2,000 documents and at {:.2f} with 25 ({:.2f} before); "
               "the gap to the training text is {:.2f} and {:.2f}.", mean(many, "domain"),
               mean(few, "domain"), mean(many, "domain", 0),
               *(mean(way, "domain") - mean(way, "seen") for way in (many, few)))
    yield Said("General loss goes from {:.2f} to {:.2f}, with 20 % replay to {:.2f}",
               mean(many, "general", 0), mean(many, "general"), mean(replay, "general"))
    rows, gains = [], []
    for task, name in (("clinic_topic", "topic"), ("clinic_entities", "entities")):
        for labels in TASKS[task]:
            found = dapt_table(cells, task, labels)
            plain = found[WAYS[0] if isinstance(WAYS, tuple) else next(iter(WAYS))]
            row = [f"{name}, {labels} labels",
                   f"{plain.mean():.2f} ({plain.min():.2f}-{plain.max():.2f})"]
            for way in list(found)[1:]:
                f1 = found[way]
                row.append(f"{f1.mean():.2f} ({(f1 - plain).mean():+.2f}, "
                           f"{(f1 > plain).sum()} of {len(f1)})")
            rows.append(row)
            gains.append({way: (f1 - plain).mean() for way, f1 in found.items()})
    yield table(["task", "no domain text", "more general text", "25 documents", "2,000 documents",
                 "and replay"], *rows)
    gain = [g[many] for g in gains]
    gap = mean(few, "domain") - mean(few, "seen")
    yield Said("raise F1 in {} of {} settings of its tasks, by {:.2f} at most; 25 open a gap of "
               "{:.1f} nats", sum(g > 0 for g in gain), len(gain), max(gain), gap)
    yield Said("raise F1 in {} of {} settings of its tasks; 25 open a gap of {:.1f} nats",
               sum(g > 0 for g in gain), len(gain), gap)
    yield Said("F1 rises by {:.2f} at most", max(max(g.values()) for g in gains))


def languages(cells):
    def last(setting, language):
        return np.array([c["history"][-1][f"{language}_mlm_loss"]
                         for c in of(cells, setting=setting)])

    small, large = (last(0.3, k) - last(1.0, k) for k in ("second", "first"))
    yield Said("loss of the small language by {:.2f} nats ({} of {} seeds) and raises that of the "
               "large one by {:.2f} ({} of {})", -small.mean(), (small < 0).sum(), len(small),
               large.mean(), (large > 0).sum(), len(large))
    yield Said("to the power 0.3 gives the small language {:.1f} nats for {:.1f} of the large",
               -small.mean(), large.mean())
    cosine = {name: np.mean([c["cosines"][name][-1] for c in cells if "cosines" in c])
              for name in ("between", "names", "translation")}
    yield Said("in context (cosine {between:.2f}, where a name keeps {names:.2f})"
               .replace("between", "").replace("names", ""), cosine["between"], cosine["names"])
    yield Said('"bread" in one and "palm" in the other have {:.2f}', cosine["translation"])


def curse(cells):
    loss, accuracy = by_languages(cells, "loss"), by_languages(cells, "accuracy")
    alone, wide = with_fewer_steps(cells, "loss"), by_languages(cells, "loss", 2 * WIDTH)
    one, eight, eighth = loss[1].mean(), loss[8].mean(), alone[8].mean()
    yield Said("lose {:.1f} nats each; one alone on an eighth of the steps loses {:.1f}",
               eight - one, eighth - one)
    yield Said("rises from {:.2f} nats (one language) to {:.2f}, {:.2f} and {:.2f} (eight), its "
               "accuracy falls from {:.2f} to {:.2f}", one, loss[2].mean(), loss[4].mean(), eight,
               accuracy[1].mean(), accuracy[8].mean())
    yield Said("ends at {:.2f}: fewer steps explain more than the whole rise, and company gives "
               "{:.2f} nats", eighth, eighth - eight)
    yield Said("nothing for one language ({:.2f}) but gives eight {:.2f} nats ({:.2f})",
               wide[1].mean(), eight - wide[8].mean(), wide[8].mean())
    said, text = accents(cells), accents(cells, "loss")
    own, other = said.values()
    more = {share: (other[share] > own[share]).sum() for share in other}
    yield Said("has {:.2f} beside a large one of the other order and {:.2f} beside one of its own "
               "order ({} of 5 seeds); with 30 % still {:.2f} and {:.2f} ({} of 5); with 3 % it "
               "has learnt its order in neither company ({:.2f} and {:.2f}, {} of 5)",
               *(x for share in (0.1, 0.3, 0.03)
                 for x in (other[share].mean(), own[share].mean(), more[share])))
    own, other = text.values()
    yield Said("the small one {:.2f} nats of loss at 10 %", (other[0.1] - own[0.1]).mean())
