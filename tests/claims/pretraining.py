"""Pretraining: ``mlm_training``, ``masking_audit``, ``attention``, ``sizes``, ``vocabulary``."""

import json
from importlib.resources import files
from math import ceil

import numpy as np
from saying import Said, Table, of, read, spread

from npft.experiments.bodies import BATCH_SIZE, DOCUMENTS, STEPS
from npft.experiments.sizes import size_table
from npft.plots.attention import FALLING
from npft.worlds import TinyWorld


def claims():
    runs = read("mlm_training")
    loss, unigram = (np.mean([run[k][name] for run in runs]) for k, name in (
        (-1, "mlm_loss"), (0, "unigram")))
    yield Said("masked word costs {:.1f} nats by its frequency and {:.1f} by its context",
               unigram, loss)
    yield Said("masked token costs {:.1f} nats when guessed by its frequency and {:.1f} once",
               unigram, loss)
    bundled = json.loads((files("npft") / "data/tinyworld/results.json").read_text("utf-8"))
    yield Said("which has read {:.1f} million tokens and loses {:.1f} nats on a held-out masked word",
               bundled["tokens"] / 1e6, bundled["mlm_loss"])
    yield Said("which have read {:.1f} million and lose {:.1f}.",
               np.mean([run[-1]["tokens"] for run in runs]) / 1e6, loss)
    by_step = {row["step"]: np.mean([run[i]["mlm_loss"] for run in runs])
               for i, row in enumerate(runs[0])}
    assert by_step[280] > unigram - 0.2 and by_step[980] < unigram - 2  # where it drops
    yield Said("For the first 300 steps the model learns little but frequencies; the fast drop "
               "between steps 300 and 1,000")
    documents = TinyWorld(0).documents(DOCUMENTS)
    pairs = sum(len(d.sentences) - 1 for d in documents)  # a sentence and the next, or another
    yield Said("The {:,} steps read the text {:.1f} times ({:,} pairs of sentences an epoch)",
               STEPS, STEPS * BATCH_SIZE / pairs, pairs)
    assert by_step[STEPS - 280] - by_step[STEPS] > 0.05
    yield Said("No plateau is reached: the last {} steps still gain {:.2f} nats", 280,
               by_step[STEPS - 280] - by_step[STEPS])
    yield Said("that of the unigram distribution ({:.1f} nats, {:.1f})", by_step[140], unigram)
    yield Said("Next-sentence accuracy ends at {}.", spread([run[-1]["nsp_acc"] for run in runs]))

    counts = read("masking_audit")["counts"]
    treated = [100 * counts[k] / counts["chosen"] for k in ("[MASK]", "random", "kept")]
    yield Said("{:.0f} % are chosen, {:.0f}/{:.0f}/{:.0f} of them",
               100 * counts["of chosen"] / counts["of tokens"], *treated)

    profiles = read("attention")["profiles"]
    falling = {name: np.concatenate([p[name]["gamma"] for p in profiles]) > FALLING
               for name in ("random", "pretrained")}
    assert not falling["random"].any()
    local, heads = falling["pretrained"].sum(), falling["pretrained"].size
    yield Said("Pretraining makes {} of {} heads look near", local, heads)
    yield Said("heads local: {} of {} (five bodies of eight heads), by a fitted exponent above {}",
               local, heads, FALLING)

    sizes = read("sizes")
    off = max(abs(row["off"]) for row in sizes if row["off"] is not None)
    off = ceil(1000 * off) / 10  # percent; rounded down it would not be "within"
    yield Table(size_table(sizes))
    for words in ("Weights of seven encoders by formula: within {} % of what",
                  "The formula is within {} % of every published count"):
        yield Said(words, off)
    bert, xlm = (of(sizes, name=name)[0] for name in ("BERT-base", "XLM-R"))
    yield Said("XLM-R does {:.1f} times the work of BERT-base for a token with {} times",
               xlm["operations"] / bert["operations"],
               {5: "five"}[round(xlm["weights"] / bert["weights"])])
    minilm = of(sizes, name="MiniLM 6 x 384")[0]
    yield Said("MiniLM has {:.1f} million weights with the 512 places of its file, {:.1f} million "
               "in the figure, with the pooler, and {:.1f} million as npft reads it",
               minilm["weights"] / 1e6, minilm["counted"] / 1e6,
               (minilm["weights"] - 256 * 384) / 1e6)

    clinic = of(read("vocabulary"), text="clinic", tokenizer="words")
    most = max(c["allowed"] for c in clinic)
    yield Said("(the clinic), {:.0f} % of the words are",
               100 * np.mean([c["whole"] for c in of(clinic, allowed=2000)]))
    assert most > 2000
