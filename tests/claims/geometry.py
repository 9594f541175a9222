"""Geometry by layer, dimension, word and category: ``layers``, ``rdm``, ``spectrum``."""

import numpy as np
from saying import Said, between, read, spread, table

STATES = {"random": "random weights", "mlm": "after MLM", "finetuned": "after fine-tuning",
          "simcse 0.1": "after SimCSE"}  # fmt: skip


def claims():
    yield from layers(read("layers"))
    yield from rogue(read("layers"))
    yield from words(read("layers"))
    yield from categories(read("rdm"))
    yield from spectra(read("spectrum"))


def layers(cells):
    def last(state, measure):
        return np.array([c["layers"][state][measure][-1] for c in cells])

    cosine = [last(state, "mean_cosine").mean() for state in ("random", "mlm")]
    iso = {state: last(state, "iso_score") for state in STATES}
    fall = iso["mlm"] - iso["random"]
    yield Said("mean cosine falls from {:.2f} to {:.2f}, and IsoScore falls as well, from {:.2f} "
               "to {:.2f} (difference {:.2f}, interval {})", *cosine, iso["random"].mean(),
               iso["mlm"].mean(), fall.mean(), between(fall))
    yield Said("SimCSE raises it to {:.2f}", iso["simcse 0.1"].mean())
    yield Said("ends lowest, {:.2f},", iso["finetuned"].mean())


def rogue(cells):
    found = [c["rogue"]["mlm"] for c in cells]
    share = [100 * sum(row["raw"][:3]) / sum(row["raw"]) for row in found]
    yield Said("Three dimensions of 64 make {:.0f} % of the mean cosine", np.mean(share))
    yield Said("three of 64 dimensions make {:.0f} % of the mean cosine of sentences ({:.0f} to "
               "{:.0f} % over five seeds; an even share is {:.0f} %)", np.mean(share), min(share),
               max(share), 100 * 3 / 64)
    dropped = np.mean([row["dropped"] for row in found], axis=0)
    yield Said("without them {:.2f} of {:.2f} is left", dropped[3], dropped[0])
    removed = np.mean([row["removed"] for row in found], axis=0)
    yield Said("{:.2f} is left; standardising leaves {:.2f} too", removed[0],
               np.mean([sum(row["standardized"]) for row in found]))


def words(cells):
    def by_layer(state, measure):
        values = np.array([[layer[measure] for layer in c["contexts"][state]] for c in cells])
        return values.mean(axis=0), values

    yield table(["", "anisotropy", "self-similarity, corrected", "intra-sentence, corrected"],
                *([name, *(", ".join(f"{x:.2f}" for x in by_layer(state, measure)[0])
                           for measure in ("anisotropy", "self_similarity", "intra_sentence"))]
                  for state, name in STATES.items()))
    mean, values = by_layer("mlm", "self_similarity")
    yield Said("more like itself ({:.2f} to {:.2f}, interval of the difference {})", mean[0],
               mean[-1], between(values[:, -1] - values[:, 0]))

    def frequency(state, kind):
        return np.array([c["frequency"][state][kind] for c in cells])

    every, content = frequency("mlm", "all"), frequency("mlm", "content")
    yield Said("frequency and self-similarity {:.2f} (interval {})", every.mean(), between(every))
    yield Said("the other way round, {:.2f} ({}), and at random weights nothing ({:.2f})",
               content.mean(), between(content), frequency("random", "content").mean())


def categories(cells):
    gold = {state: np.array([c["gold"][state] for c in cells]) for state in cells[0]["gold"]}
    before = {state: [c["before"][state] for c in cells] for state in ("topic", "sms")}
    yield Said("rises from {} to {} by fine-tuning on topics (difference {}; {:.3f} is the most a "
               "table without ties can have), and after fine-tuning on messages it is {} "
               "(difference {}: not certain)", spread(gold["mlm"]), spread(gold["topic"]),
               between(gold["topic"] - gold["mlm"]), cells[0]["most"], spread(gold["sms"]),
               between(gold["sms"] - gold["mlm"]))
    yield Said("the new ones agree at {} and {}.", spread(before["topic"]), spread(before["sms"]))


def spectra(cells):
    def mean(of, measure, at):
        return np.mean([c[of][at][measure] for c in cells])

    steps = [row["step"] for row in cells[0]["words"]]
    cosine = [mean("words", "mean_cosine", i) for i in range(len(steps))]
    rank = [mean("words", "effective_rank", i) for i in range(len(steps))]
    most, least = int(np.argmax(cosine)), int(np.argmin(rank))
    yield Said("from a mean cosine of {:.2f} to {:.2f} at step {}", cosine[0], cosine[most],
               steps[most])
    yield Said("then it opens to {:.2f}.", cosine[-1])
    yield Said("{:.0f} directions are filled at the start, {:.0f} at step {}, {:.0f} at the end "
               "(of 63:", rank[0], rank[least], steps[least], rank[-1])
    yield Said("mean cosine {:.2f} to {:.2f}, effective rank {:.0f} to {:.0f}",
               abs(mean("table", "mean_cosine", 0)), mean("table", "mean_cosine", -1),
               mean("table", "effective_rank", 0), mean("table", "effective_rank", -1))
