"""What the notebooks say of the gallery's results, of other papers, and by hand.

All other numbers of a notebook must stand in what it computes.
"""

import json

import numpy as np
from saying import Said, of, read, table

from npft.experiments.repairs import rankings
from npft.loading import DATA

# published, or worked out by hand in the text, or a difference of two numbers printed above it
SET = """
    BERT-base is usually given as 110 million; with its pooler, a last layer on top of [CLS], there
    with 250,000 word pieces
    with vocabularies of 30,000 to 250,000 pieces
    at a width of 768, a million words are 768 million
    the same between 700 and 1,600 pieces, says the lecture figure
    For a softmax over 2,000 words the Jacobian
    and costs two passes over 2,000
    The errors of section 7 and 8
    For $a^3$ at $a = 3$ the derivative is 27
    about 500 lines of code
    SIAM Review 40
    (U+0065 U+0301)
    (eq. 11.7)
    1,000,000, 100,000 and 1,000 sentences
    `l` (108) comes before
    add it in 11.6. npft implements 11.6
    a loss of about 5.7 here
    One block, 49,984
    batches have 8,000 sequences
    about 1,000 tokens in each
    of ambiguous words with 320
    bytes of the text, 0 to 255
    0.02 suits its width of 768
    some 35 times the text of these messages
    precision 56/66 = 0.85, recall 56/80 = 0.70, F1 = 112/146 = 0.77
    6,144 more weights: 124,928
    the head 130: 50,242
    (151 of these 166 pairs share one word
    a perplexity 2.7 times as high
    the 36th step
    0.18 at one tenth
    that is 1.6 for the partner
    63 others, and 64 contradictions
    The file has 512 places
    3/384 is 0.8 %, 3/64 is 4.7 %
    on two free cores it is about 1.8
    Communications of the ACM 52
    with vocabularies of 30,000
    The chapter's numbers for BERT are 65 hours and 5 seconds
    With BERT on a GPU it was 5 seconds against 65 hours
    its 29 beside 61 was measured
    At 0.01 the nearest of 63 negatives
    its even share of 1/63
    its table on the STS benchmark has 82.5 with dropout 0.1, 71.1 without, and 43.6 if both
    The chapter's point (11.28)
    two thirds at one half, 0.18 at one tenth
    to the unigram floor, 5.67: 2.1 nats
    a little more than the ones before, 0.33, 0.40, 0.40, 0.45, until
    1.2 nats against 0.9
    as if in doubt among 156
"""
OBJECTIVES = (
    "mlm", "mlm,nsp", "mlm,sop", "static", "roberta", "span", "span,sbo", "clm", "electra",
    "mpnet", "mlm, relative", "random", "words",
)  # fmt: skip
NAMES = {"mlm, relative": "`mlm`, distances for places", "random": "*random body*",
         "words": "*words alone*"}  # fmt: skip


def claims():
    for line in SET.strip().splitlines():
        yield Said(line.strip())
    yield objectives(read("objectives"))
    yield from cones(read("embeddings"))
    yield from of_tasks()
    yield from of_sizes()
    yield ragged(read("speed"))


def objectives(cells):
    def shown(name, measure):
        values = [c[measure] for c in of(cells, objective=name) if c.get(measure) is not None]
        return f"{np.mean(values):.2f} ({min(values):.2f}-{max(values):.2f})" if values else "-"

    def steps(name):
        found = np.mean([c.get("steps", 0) for c in of(cells, objective=name)])
        return f"{found:,.0f}" if found else "-"

    return table(
        ["objective", "steps", "masked words (nats)", "topic", "senses", "entities"],
        *([NAMES.get(name, f"`{name}`"), steps(name),
           *(shown(name, m) for m in ("word_loss", "topic", "senses", "entities"))]
          for name in OBJECTIVES),
    )


def cones(cells):
    def mean(state, name, digits):
        value = np.mean([c["states"][state][name] for c in cells])
        return f"{value:.{digits}f}".replace("-0.00", "0.00")

    names = ("mean_cosine", "effective_rank", "similarity_words", "similarity_synonyms")
    words = [f"{np.mean([c['words'][name] for c in cells]):.2f}".replace("-0.00", "0.00")
             for name in names[2:]]
    yield table(
        ["", "mean cosine", "effective rank", "words", "synonyms"],
        *([said, *(mean(state, name, 0 if name == "effective_rank" else 2) for name in names)]
          for state, said in (("random", "random"), ("mlm", "mlm"),
                              ("simcse 0.1", "SimCSE, dropout 0.1"),
                              ("simcse 0.05", "SimCSE, dropout 0.05"),
                              ("simcse 0", "control, dropout 0"))),
        ["bag of words", "", "", *words],
    )
    spreads = [np.std([c["states"][state][name] for c in cells], ddof=1)
               for state in ("mlm", "simcse 0", "simcse 0.05", "simcse 0.1") for name in names[2:]]
    yield Said("one standard deviation over the seeds is {:.2f} to {:.2f}", min(spreads),
               max(spreads))


def of_tasks():
    taggers, tasks = read("taggers"), read("tasks")
    chain, token = (np.mean([c["outer_f1"] for c in of(taggers, tagger=t)])
                    for t in ("chain", "token"))
    yield Said("in the gallery: {:.3f} against {:.3f}, at 14 % more time", chain, token)
    answers, nli = (np.mean([c["tuned"] for c in of(tasks, task=t)]) for t in ("questions", "nli"))
    yield Said("with 8,000 the gallery's five seeds have a mean F1 of {:.2f}, and one run of 15 "
               "stayed at 0.57", answers)
    yield Said("with 8,000 the gallery's five seeds have a mean F1 of {:.2f}.", nli)
    found = rankings(read("forgetting"))["hard sms"].methods

    def rise(method):
        return min(p.mean.mean for name, p in found.items()
                   if name.split(" ")[0] == method and p.mean is not None)

    yield Said("read at F1 0.75: EWC {:.2f}, replay {:.2f}, own text {:.2f}, the lower rate "
               "{:.2f}, plain {:.2f}", *map(rise, ("ewc", "replay", "own-text", "lr", "plain")))
    scores = {way: [np.mean([c["scores"][way][task] for c in read("mini_mteb")])
                    for task in ("STS, shared words", "STS, synonyms")]
              for way in ("supervised", "bag of words")}
    (words, synonyms), (counted, alone) = scores.values()
    yield Said("{:.2f} against {:.2f} where words are shared, {:.2f} against {:.2f} on synonyms",
               words, counted, synonyms, alone)


def of_sizes():
    sizes = {row["name"]: row for row in read("sizes")}
    minilm = sizes["MiniLM 6 x 384"]
    yield Said("hence {:,} here and {:,} in the gallery's table of sizes. The published {:.1f} "
               "million", minilm["weights"] - 256 * 384, minilm["weights"],
               minilm["published"] / 1e6)
    ours = sizes["npft tinyworld"]["weights"]
    yield Said("Does a body of {:,} weights follow them?", ours)
    yield Said("there are {:,}. Of XLM-R", sizes["BERT-base"]["counted"])
    bundled = json.loads((DATA / "tinyworld" / "results.json").read_text(encoding="utf-8"))
    yield Said("of the {:.1f} or so that this body knows", bundled["below_unigram"])
    yield Said("was trained to tell next sentences from [CLS], {:.0f} % right",
               100 * bundled["nsp_acc"])
    runs = [run[-1]["mlm_loss"] for run in read("mlm_training")]
    yield Said("end at {:.1f} nats ({:.2f} to {:.2f} over the seeds)", np.mean(runs), min(runs),
               max(runs))


def ragged(found):
    def ratio(pieces, how):
        row = of(found["rows"], work=f"SMS, {pieces}, masked language",
                 peer=f"PyTorch, {how}", threads=1)[0]
        return "{:.2f} [{:.2f}, {:.2f}]".format(*row["ratio"])

    def real(how):
        shares = sorted({f"{100 * r['real_share']:.0f}" for r in found["rows"]
                         if r.get("peer") == f"PyTorch, {how}" and "real_share" in r})
        return " to ".join(shares) + " %"

    return table(
        ["masked words on real messages", "beside shuffled batches, padded",
         "beside sorted batches, padded"],
        *([f"{pieces}, up to {n} tokens", ratio(pieces, "padded"), ratio(pieces, "sorted")]
          for pieces, n in (("bytes", 200), ("WordPiece", 64))),
        ["real tokens in the rectangles", real("padded"), real("sorted")],
    )
