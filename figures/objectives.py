"""The objectives at equal compute: each body has cost the same number of operations.

Every objective of ``npft pretrain --objective`` trains a new body of one block on TinyWorld, for as
many steps as BUDGET floating-point operations buy (``npft/pretraining/budget.py`` says what is
counted: of a masked model the masked rows alone meet the vocabulary, of a causal one all rows, and
ELECTRA pays for its generator). Then all bodies are judged alike, beside a random body and words
alone:

    words      held-out loss of masked words, of those that have a head for them, on the same
               whole sentences with the same masks
    topic      macro F1 with 160 labels, everything trained for 20 epochs
    senses     macro F1 of the sense of an ambiguous word with 320 labels, 20 epochs
    entities   F1 of whole entities with 100 tagged sentences, 20 epochs

A batch has about BATCH_TOKENS tokens, so many sequences as that makes in the layout of the
objective. The learning rate is one for all, and was chosen for masked tokens with next sentences.
One more row, "mlm, relative", is masked tokens on a body with relative positions. Each cell is kept
in figures/.cache/objectives, so that a run that was stopped goes on.
"""

import json

import numpy as np
from common import FOLDER, SEEDS, picture, results
from tasks import SETTINGS

from npft import (
    OBJECTIVES, Encoder, EncoderConfig, Model, TinyWorld, WordPiece, fine_tune, pretrain,
    set_dropout,
)
from npft.autograd.machine import threads
from npft.experiments.bodies import world_text
from npft.experiments.regimes import EPOCHS
from npft.experiments.sweep import sweep
from npft.finetune.regimes import DROPOUT, learning_rate
from npft.plots import draw_objectives
from npft.pretraining.budget import steps_within
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import make_probe, unigram_loss
from npft.pretraining.source import Source
from npft.pretraining.start import INIT_STD, PRETRAIN_LR

CACHE = FOLDER / ".cache" / "objectives"
BUDGET = 1e12  # floating-point operations
BATCH_TOKENS = 1024
TASKS = {"topic": 160, "senses": 320, "entities": 100}
OPTIONS = {"senses": {"distractors": 0.0}}  # an ambiguous word stands in a sentence once
TEST = 1000
CONTROLS = ("random", "words")
RELATIVE = "mlm, relative"  # masked tokens, read by a body that knows distances and no places
NAMES = (*OBJECTIVES, RELATIVE)


def new_body(
    tok: WordPiece, length: int, causal: bool, rng, positions: str = "absolute"
) -> Encoder:
    """One block of the lesson's width: two would learn little but frequencies for this budget."""
    config = EncoderConfig(
        vocab_size=tok.vocab_size, num_layers=1, max_positions=length, dropout=0.0,
        causal=causal, init_std=INIT_STD, positions=positions,
    )
    return Encoder(config, tokenizer=tok, rng=rng)


def data(world: TinyWorld, name: str) -> tuple:
    """The labelled examples of a task, to train and to test on."""
    options = OPTIONS.get(name, {})
    train = world.task(name, TASKS[name], seed=1, **options)
    return train, world.task(name, TEST, seed=2, **options)


def downstream(body: Encoder, name: str, seed: int) -> float:
    """F1 of a new head and the body under it, trained on a task of TinyWorld(seed)."""
    kind, rng = SETTINGS[name].kind, np.random.default_rng(seed)
    train, test = data(TinyWorld(seed), name)
    model = Model(body, {name: kind.head(body, train, rng)})
    set_dropout(model, DROPOUT)
    fine_tune(model, model.batch_of(train), epochs=EPOCHS, lr=learning_rate("full"), rng=rng)
    return kind.score(model, test)


def word_loss(model: Model, probe) -> float:
    """The mean loss of the masked tokens of a probe, asked of the head for words alone."""
    return Model(model.encoder, {"mlm": model.head("mlm")}).measure(probe)["mlm_loss"]


@threads(1)
def judged(arguments: dict) -> dict:
    """Train and measure one objective, or one control, for one seed."""
    name, seed = arguments["objective"], arguments["seed"]
    if name == "words":
        world = TinyWorld(seed)
        alone = {t: SETTINGS[t].kind.trivial(*data(world, t))[1] for t in TASKS}
        return arguments | alone
    text = world_text(seed)
    tok = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
    rng = np.random.default_rng(seed)
    if name == "random":
        found, body = {"steps": 0}, new_body(tok, text.max_positions, False, rng)
    else:
        chosen = OBJECTIVES["mlm" if name == RELATIVE else name]
        positions = "relative" if name == RELATIVE else "absolute"
        new = new_body(tok, text.max_positions, chosen.causal, rng, positions)
        model = chosen.model(new, rng=rng)
        found, body = trained(model, chosen, text, arguments, rng), model.body
    before = body.state_dict()
    for task in TASKS:
        body.load_state_dict(before)
        found[task] = downstream(body, task, seed)
    return arguments | found


def plan(model, chosen, text, arguments: dict) -> dict[str, int]:
    """The sequences of a batch, and the steps that the budget buys."""
    tok, length = model.encoder.tokenizer, model.encoder.config.max_positions
    source = Source(Corpus(text.train, tok), chosen.layout, length)
    lengths = source.draw(source.starts, np.random.default_rng(0)).lengths
    size = round(arguments["batch_tokens"] / lengths.mean())
    steps = steps_within(
        arguments["budget"], model, text.train, chosen, batch_size=size,
        rng=np.random.default_rng(0),
    )
    return {"batch_size": size, "steps": steps}


def trained(model, chosen, text, arguments: dict, rng) -> dict:
    """Spend the budget on a model; the steps, the tokens and the loss of masked words."""
    tok, length = model.encoder.tokenizer, model.encoder.config.max_positions
    found = plan(model, chosen, text, arguments)
    history = pretrain(
        model, text.train, **found, lr=arguments["lr"], every=found["steps"],
        layout=chosen.layout, corrupt=chosen.corrupt, rng=rng,
    )
    found["tokens"] = int(history["tokens"][-1])
    probe = make_probe(text.held_out, tok, max_length=length, rng=np.random.default_rng(1))
    if "mlm" in model.heads:
        found["word_loss"] = word_loss(model, probe)
    return found | {"unigram": unigram_loss(Corpus(text.train, tok), probe)}


def cell(arguments: dict) -> dict:
    """``judged``, or what it found before with the same arguments."""
    name = arguments["objective"].replace(", ", "-").replace(",", "-")
    file = CACHE / f"{name}{arguments['seed']}.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if arguments.items() <= kept.items():
            return kept
    found = judged(arguments)
    CACHE.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found) + "\n", encoding="utf-8")
    return found


def cells() -> list[dict]:
    settings = {"budget": BUDGET, "batch_tokens": BATCH_TOKENS, "lr": PRETRAIN_LR}
    return [
        {"objective": name, "seed": seed} | settings
        for seed in SEEDS
        for name in (*NAMES, *CONTROLS)
    ]


def compute() -> list:
    return sweep(cell, cells())


def in_results(found: list) -> list[str]:
    """Which of the rows have been computed."""
    return [name for name in NAMES if any(c["objective"] == name for c in found)]


def table(found: list) -> str:
    """Mean and range of every measure, over the seeds."""
    measures = ("word_loss", *TASKS)
    lines = [f"{'':14}{'steps':>7}{'tokens':>9}" + "".join(f"{m:>24}" for m in measures)]
    for name in (*in_results(found), *CONTROLS):
        rows = [c for c in found if c["objective"] == name]
        line = f"{name:14}{np.mean([r.get('steps', 0) for r in rows]):7.0f}"
        line += f"{np.mean([r.get('tokens', 0) for r in rows]) / 1e6:8.2f}M"
        for measure in measures:
            values = [r[measure] for r in rows if r.get(measure) is not None]
            shown = "-"
            if values:
                shown = f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"
            line += f"{shown:>24}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    found = results(__file__, compute)
    print(table(found))
    picture(
        "objectives", draw_objectives, found, in_results(found), list(TASKS), columns=2, rows=2,
        width=6, height=4.4,
    )
