"""Stopped training runs: what a run goes on with is what the file holds, and it comes to its end.

A run is read back into an untouched one, compared with NumPy's reading of the file, and then gone
on with to its end. A file with the content of the good one must end with the bits of the good one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import plain
from checkpoints import WEIGHTS, contents, same, wrong_weights
from damaged_bytes import BYTES, flip_at_the_end
from damaged_npz import ARCHIVE, MANIFEST, NUMBERS, STATE, STATE_OF_TRAINING
from inputs import Target

from npft import Encoder, EncoderConfig, MaskedLM, ReplacedTokens, WordPiece, pretrain
from npft.encoder.checkpoint import FILE
from npft.nn.optim import AdamW, decay_groups
from npft.pretraining.masking import mask_tokens
from npft.pretraining.mixture import source_of
from npft.pretraining.pairs import Corpus
from npft.pretraining.run import LATER, Run
from npft.pretraining.source import Feed, layout_for

DOCUMENTS = [[f"{a} cat sat", f"the {b} ran", f"{b} and {a}"] for a, b in ("ab", "cd", "ef", "ga")]
TWO_TEXTS = {"one": DOCUMENTS[:2], "other": DOCUMENTS[2:]}
HELD_OUT = [["a dog sat", "the b ran"]]
STEPS, STOPPED = 4, 2


class Done(NamedTuple):
    """A run as it was read back, and the weights with which it ended."""

    run: Run
    weights: dict[str, np.ndarray]


class Setting(NamedTuple):
    """How a model is made, and how and on what it is pretrained."""

    make: Callable[[], Any]
    options: dict[str, Any]
    documents: Any = DOCUMENTS

    def pretrain(self, model: Any, folder: Path, **more: Any) -> Any:
        return pretrain(
            model, self.documents, steps=STEPS, batch_size=4, every=1, folder=folder,
            rng=np.random.default_rng(0), **self.options, **more,
        )  # fmt: skip


def new_model(kind: Callable[..., Any], **options: Any) -> Any:
    rng = np.random.default_rng(0)
    tok = WordPiece.train([s for d in DOCUMENTS for s in d], vocab_size=50, min_count=1)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=16)  # fmt: skip
    return kind(Encoder(config, tokenizer=tok, rng=rng), **options, rng=rng)


SETTINGS = {
    "masked words and pairs": Setting(partial(new_model, MaskedLM), {"held_out": HELD_OUT}),
    "masked words": Setting(partial(new_model, MaskedLM, nsp=False), {}),
    "replaced tokens": Setting(
        partial(new_model, ReplacedTokens), {"patience": 9, "held_out": HELD_OUT}
    ),
    "two texts": Setting(
        partial(new_model, MaskedLM), {"shares": {"one": 0.7, "other": 0.3}}, TWO_TEXTS
    ),
}  # fmt: skip


def stopped(setting: Setting) -> bytes:
    """The file of a run that was stopped after two of four steps."""

    def stop(done: int, total: int, message: str) -> None:
        if done == STOPPED:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder:
        try:
            setting.pretrain(setting.make(), Path(folder), progress=stop)
        except KeyboardInterrupt:
            pass
        return Path(folder, FILE).read_bytes()


def read_back(setting: Setting, good: dict[str, Any], folder: Path) -> Run:
    """The run in a folder, read into a new one."""
    model, texts = setting.make(), setting.documents
    texts = texts if isinstance(texts, dict) else {"text": texts}
    corpora = {name: Corpus(text, model.encoder.tokenizer) for name, text in texts.items()}
    source = source_of(corpora, layout_for(model), 16, setting.options.get("shares"))
    order, masks, dropout = (np.random.default_rng(0) for _ in range(3))
    feed = Feed(source, mask_tokens, 4, order=order, masks=masks)
    optimizer = AdamW(decay_groups(model, lr=1e-3, weight_decay=0.01))
    run = Run(model, optimizer, feed, dropout, good["settings"])
    run.load(folder)
    return run


def go_on(setting: Setting, good: dict[str, Any], path: Path) -> Done:
    run = read_back(setting, good, path.parent)
    model = setting.make()
    with np.errstate(all="ignore"):  # moments may be as large as float32 goes
        setting.pretrain(model, path.parent, resume=True)
    return Done(run, model.state_dict())


def said(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that say something: None is as good as nothing."""
    return {name: value for name, value in settings.items() if value is not None}


def confirm_run(
    good: bytes, at_the_end: dict[str, np.ndarray], data: bytes, done: Done
) -> str | None:
    try:
        manifest, arrays = contents(data)
    except plain.Refused as error:
        return f"goes on from what a plain reading refuses, {error}"
    run, state = done.run, manifest["training"]
    feed, epoch = run.feed.state()
    own = {
        "step": run.step, "tokens": run.tokens,
        "history": run.history.rows, "feed": feed, "dropout": run.dropout.bit_generator.state,
    }  # fmt: skip
    for name, value in own.items():
        if not same(value, state.get(name)):
            return f"goes on with another {name} than the file says"
    known = said(state["settings"])  # older files do not name all that there is now
    named = {k: v for k, v in said(run.settings).items() if k in known or k not in LATER}
    if not same(named, known):
        return "goes on with other settings than the file says"
    held = {n.removeprefix(STATE): a for n, a in arrays.items() if n.startswith(STATE)}
    different = wrong_weights({"epoch": epoch, **run.optimizer.state_dict()}, held)
    weights = {n.removeprefix(WEIGHTS): a for n, a in arrays.items() if n.startswith(WEIGHTS)}
    different = different or wrong_weights(run.model.state_dict(), weights)
    if different:
        return f"goes on with a state that {different}"
    if not all(np.isfinite(a).all() for a in done.weights.values()):
        return "ends with weights that are not finite"
    was, was_held = contents(good)
    unchanged = same(manifest, was) and wrong_weights(was_held, arrays) is None
    if unchanged and wrong_weights(done.weights, at_the_end):
        return "has the content of the good file, and ends with other weights"
    return None


def targets() -> list[Target]:
    damages = ((*BYTES, flip_at_the_end), ARCHIVE, NUMBERS, MANIFEST, *[STATE_OF_TRAINING] * 4)
    found = []
    for name, setting in SETTINGS.items():
        good = stopped(setting)
        state = contents(good)[0]["training"]
        whole = setting.make()
        with tempfile.TemporaryDirectory() as folder:
            setting.pretrain(whole, Path(folder))
        found.append(Target(name, FILE, good, partial(go_on, setting, state),
                            partial(confirm_run, good, whole.state_dict()), damages))  # fmt: skip
    return found
