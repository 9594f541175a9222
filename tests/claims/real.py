"""A real encoder: ``real_model`` (beside tiny ones), ``real_forgetting`` and ``real_tuning``."""

import numpy as np
from saying import WORDS, Said, interval, of, read, spread, table

from npft.plots.real_forgetting import kept

METHODS = {
    "plain": "plain", "lr 0.3": "rate x 0.3", "anchor 0.1": "anchor 0.1",
    "freeze 0.5": "lower half frozen", "replay 0.2": "replay 0.2",
}  # fmt: skip


def claims():
    yield from beside_tiny(read("real_model"))
    yield from in_words(read("real_model"))
    yield from forgotten(read("real_forgetting"))
    yield from tuned(read("real_tuning"))


def by_layer(cells, what, state, pick=lambda x: x):
    """(seeds, layers) of a measure."""
    return np.array([[pick(layer) for layer in c[what][state]] for c in cells])


def cosines(cells, state):
    return np.array([c["layers"][state]["mean_cosine"] for c in cells])


def share(layer):
    return 100 * layer["share"]


def likeness(layer):
    return layer["self_similarity"]


def ends(values, digits=2):
    mean = values.mean(axis=0)
    return f"{mean[0]:.{digits}f} to {mean[-1]:.{digits}f}"


def beside_tiny(found):
    cells, ways = found["cells"], found["sts"]["ways"]
    tiny, senses, likes = read("layers"), read("polysemy"), read("similarity")
    inside = {s: cosines(cells, s)[:, :-1] for s in ("trained", "random")}
    widest = int(inside["trained"].mean(axis=0).argmax())
    shares = {s: by_layer(cells, "rogue", s, share).mean(axis=0) for s in ("trained", "random")}
    at = int(shares["trained"].argmax())
    rogue = [100 * sum(c["rogue"]["mlm"]["raw"][:3]) / sum(c["rogue"]["mlm"]["raw"]) for c in tiny]
    guess = np.mean([c["mfs"] for c in cells]), np.mean([c["mfs"]["documents"] for c in senses])

    def tiny_cosine(state):
        return np.mean([c["layers"][state]["mean_cosine"][-1] for c in tiny])

    def tiny_like(way):
        return np.mean([c["ways"][way]["similarity_words"] for c in likes])

    cone = [spread(inside[s][:, widest]) for s in inside], f"{tiny_cosine('mlm'):.2f}"
    opened = spread(cosines(cells, "trained")[:, -1]), f"{tiny_cosine('simcse 0.1'):.2f}"
    three = [f"{x:.0f} %" for x in (shares["trained"][at], shares["random"][at], np.mean(rogue))]
    likes_itself = [ends(by_layer(cells, "contexts", s, likeness)) for s in ("trained", "random")]
    likes_itself += [ends(by_layer(tiny, "contexts", "mlm", likeness))]
    told = [spread(by_layer(cells, "senses", s)[:, -1]) for s in ("trained", "random")]
    told += [f"{np.mean([c['accuracy']['documents']['4']['mlm'][-2] for c in senses]):.2f}"]
    mean, words, random, cls = (f"{ways[way][0]:.2f}"
                                for way in ("mean", "bag of words", "random weights", "cls"))
    small, counted, small_cls = (f"{tiny_like(way):.2f}" for way in ("mean", "bag of words", "cls"))
    yield table(
        ["claim", "real", "random, real shape", "tiny"],
        ["sentences lie in a cone inside the encoder (mean cosine)", *cone[0],
         f"{cone[1]} after MLM"],
        ["contrast opens it", opened[0], "", f"{opened[1]} after SimCSE"],
        ["share of the three largest dimensions", f"{three[0]} (3 of 384; block {at}, at most)",
         three[1], f"{three[2]} (3 of 64; last block)"],
        ["a word grows less like itself from layer to layer (corrected)", *likes_itself[:2],
         f"{likes_itself[2]}, more"],
        ["senses of ambiguous words, nearest mean", f"{told[0]} (guess {guess[0]:.2f})", told[1],
         f"{told[2]} (guess {guess[1]:.2f})"],
        ["the mean beats a bag of words, STS", f"{mean}, {words}", random,
         f"{small}, {counted} on its own pairs"],
        ["the mean beats [CLS]", f"{mean}, {cls}", "", f"no: {small}, {small_cls}"],
    )
    yield table(  # in the course, without spreads
        ["measure", "real", "random, real shape", "tiny"],
        ["mean cosine inside the encoder", *(x.split()[0] for x in cone[0]), cone[1]],
        ["the same after contrast", opened[0].split()[0], "", opened[1]],
        ["three dimensions carry", f"{three[0]} (of 384)", three[1], f"{three[2]} (of 64)"],
        ["a word's likeness to itself, from embeddings to last block", *likes_itself],
        [f"senses (guess: {guess[0]:.2f}; tiny {guess[1]:.2f})", *(x.split()[0] for x in told)],
        ["mean of the last block, STS; beside a bag of words", f"{mean}; {words}",
         f"{random}; {words}", f"{small}; {counted}"],
    )


def in_words(found):
    cells, ways, layers = found["cells"], found["sts"]["ways"], found["sts"]["layers"]
    left = by_layer(cells, "rogue", "trained", lambda row: row["removed"][0]).mean(axis=0)
    yield Said("below it the mean cosine is {:.2f})", cosines(cells, "trained").mean(axis=0)[-2])
    tiny = np.mean([c["rogue"]["mlm"]["removed"][0] for c in read("layers")])
    yield Said("({:.3f} to {:.3f} is left without the mean at every layer, {:.2f} in the tiny body",
               min(left), max(left), tiny)
    shares = by_layer(cells, "rogue", "trained", share).mean(axis=0)
    at = int(shares.argmax())
    dropped = np.mean([c["rogue"]["trained"][at]["dropped"] for c in cells], axis=0)
    even = 100 * 3 / found["width"]
    rogue = np.mean([sum(c["rogue"]["mlm"]["raw"][:3]) / sum(c["rogue"]["mlm"]["raw"])
                     for c in read("layers")])
    yield Said("Three dimensions are {:.1f} % of 384 and {:.1f} % of 64, so {:.0f} % is {:.0f} "
               "times an even share, and {:.0f} % {} times.", even, 100 * 3 / 64, shares[at],
               shares[at] / even, 100 * rogue, WORDS[round(rogue * 64 / 3)])
    yield Said("without the three largest {:.2f} of {:.2f} is left", dropped[3], dropped[0])
    mean, low, high = ways["standardised"]
    yield Said("gains {:.3f} at most ({:.3f} [{:.3f}, {:.3f}]), to remove the top direction "
               "{:.3f}, whitening loses {:.3f}", mean - ways["mean"][0], mean, low, high,
               ways["top removed"][0] - ways["mean"][0], ways["mean"][0] - ways["whitened"][0])
    yield Said("By layer the mean has {}:", ", ".join(f"{x:.2f}" for x in layers))
    yield Said("The token table alone has {:.2f}, [CLS] {:.2f}, the maximum {:.2f}",
               *(ways[way][0] for way in ("token table", "cls", "max")))
    scores = {way: {task: np.mean([c["scores"][way][task] for c in read("mini_mteb")])
                    for task in ("STS, shared words", "STS, synonyms")}
              for way in ("bag of words", "raw body", "supervised")}
    words, raw, told = (list(row.values()) for row in scores.values())
    yield Said("counting as well ({:.2f} against {:.2f},", raw[1], words[1])
    yield Said("on both ({:.2f} against {:.2f}, and {:.2f})", told[0], words[0], told[1])


def forgotten(found):
    rows, reader = kept(found["cells"]), found["reader"]
    end = {name: {k: v[:, -1] for k, v in row.items()} for name, row in rows.items()}
    yield table(["method", "F1", "STS, change", "masked tokens, change (nats)"],
                *([said, spread(end[name]["f1"], 3), spread(-end[name]["fall"], 3),
                   spread(end[name]["rise"])] for name, said in METHODS.items()))
    yield Said("reads at {:.2f} nats, and guessing by frequency costs {:.2f}", reader["mlm_loss"],
               reader["unigram"])
    plain, slow = end["plain"], end["lr 0.3"]
    yield Said("F1 is {:.2f} after ten steps", rows["plain"]["f1"][:, 1].mean())
    before = np.mean([c["curve"]["also"]["sts"][0] for c in of(found["cells"], method="plain")])
    yield Said("by seed, {:.2f}, {:.2f} and {:.2f} of a correlation of {:.2f}",
               *sorted(plain["fall"]), before)
    assert interval(plain["fall"]).low < 0 < min(plain["fall"])
    yield Said("F1 is {:.3f} and {:.3f} lower", (plain["f1"] - end["freeze 0.5"]["f1"]).mean(),
               (plain["f1"] - slow["f1"]).mean())
    yield Said("loses {:.2f} of graded similarity, at a third of it nothing, for {:.3f} of F1",
               plain["fall"].mean(), (plain["f1"] - slow["f1"]).mean())
    assert abs(slow["fall"].mean()) < 0.005  # "nothing"
    yield Said("is {:.1f} higher at step 10", rows["replay 0.2"]["rise"][:, 1].mean())
    yield Said("a rise of {:.1f} nats is a third of all it read", plain["rise"].mean())


def tuned(cells):
    pairs = {how: [c["sts"] for c in of(cells, how=how)] for how in ("graded", "alike")}
    yield table(["published", "graded pairs", "pairs of one meaning"],
                [f"{read('real_model')['sts']['ways']['mean'][0]:.3f}",
                 spread(pairs["graded"], 3), spread(pairs["alike"], 3)])
    ways = ("words", "head", "last", "full")
    yield table(["labels", "bag of words", "head only", "last block", "full"],
                *([str(n), *(spread([c["f1"] for c in of(cells, how=how, labels=n)])
                             for how in ways)] for n in (16, 64)))
