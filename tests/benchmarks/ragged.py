"""Real messages of all lengths: npft without pads beside a PyTorch loop that pads each batch.

The text is the SMS Spam Collection (a line is "label<TAB>message"), of which every message is used.
Both loops see the same batches of 32 shuffled messages, with the same masks; then batches of 32
messages of like length, as those who know what pads cost sort them. PyTorch pads a batch to
its longest message and tells attention which keys are pads; its head, too, takes masked rows only.
Preparing the batches (tokens, masks, pads) is not timed; each step is forward, backward and AdamW.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from clock import compared, in_turns
from models import (
    LR, WEIGHT_DECAY, Size, our_model, our_steps, torch_model, torch_optimizer, torch_step,
)

from npft import (
    Batch, ByteTokenizer, Classifier, MaskedLM, Model, WordPiece, drop_duplicates, mask_tokens,
    read_labelled,
)
from npft.autograd.machine import keep_freed_memory
from npft.text.batch import batches_by_length, batches_of

BATCH, BATCHES = 32, 24  # 24 batches a round: a part of an epoch, drawn anew for each setting


def measure(sms: Path, threads: int, rounds: int) -> list[dict]:
    """MLM and fine-tuning, with bytes (200 positions) and with WordPiece (64)."""
    import torch

    torch.set_num_threads(threads)
    keep_freed_memory()  # for both sides: npft's loop alone would keep it only while it runs
    messages = drop_duplicates(read_labelled(sms))
    word_piece = WordPiece.train(messages.texts, vocab_size=2000)
    rows = []
    for tokens, tokenizer, length in (("bytes", ByteTokenizer(), 200), ("WordPiece", word_piece, 64)):
        size = Size(V=tokenizer.vocab_size, D=64, L=2, H=4, T=length, F=256, B=BATCH)
        data = tokenizer(messages.texts, labels=messages.labels, max_length=length)
        for peer, cut, tasks in (
            ("PyTorch, padded", batches_of, (masked_language, classification)),
            ("PyTorch, sorted", batches_by_length, (masked_language,)),
        ):
            rng = np.random.default_rng(0)
            batches = list(islice(cut(data, BATCH, rng=rng), BATCHES))
            real = sum(len(b.ids) for b in batches)
            filled = sum(int(b.lengths.max()) * len(b) for b in batches)
            for task in tasks:
                ours, theirs = task(size, tokenizer, batches)
                times = in_turns({"npft": ours, "torch": theirs}, rounds, least=0.0)
                rows.append({
                    "work": f"SMS, {tokens}, {task.__name__.replace('_', ' ')}",
                    "peer": peer, "threads": threads,
                    **compared(times["npft"], times["torch"]),
                    "real_share": round(real / filled, 3),
                })  # fmt: skip
    return rows


def padded(batch: Batch, pad: int) -> tuple[Any, Any]:
    """Ids (B, T) and the mask of keys (B, 1, 1, T) as tensors."""
    import torch

    ids, real = batch.to_padded(pad)
    keys = torch.from_numpy(np.array(real, dtype=bool))[:, None, None, :]
    return torch.from_numpy(np.array(ids)), keys


def masked_language(size: Size, tokenizer: Any, batches: list[Batch]) -> tuple[Callable, Callable]:
    import torch

    rng = np.random.default_rng(1)
    examples = [mask_tokens(b, tokenizer, rng=rng) for b in batches]
    model = our_model(size)
    their_model = torch_model(size, model)
    optimizer = torch_optimizer(their_model)
    inputs = []
    for masked in examples:
        ids, keys = padded(masked, tokenizer.pad_id)
        rows, targets = masked.token_targets()
        rows = masked.sequence[rows] * ids.shape[1] + masked.positions[rows]
        inputs.append((ids, torch.from_numpy(rows), torch.from_numpy(np.array(targets)), keys))

    def ours() -> None:
        steps(model, examples)

    def theirs() -> None:
        for tensors in inputs:
            torch_step(their_model, optimizer, *tensors)()

    return ours, theirs


def classification(size: Size, tokenizer: Any, batches: list[Batch]) -> tuple[Callable, Callable]:
    import torch
    from torch.nn import functional

    mlm: MaskedLM = our_model(size)
    model = Classifier(mlm.encoder, 2, rng=np.random.default_rng(2))
    their_model = torch_model(size, mlm)
    head = torch.nn.Linear(size.D, 2)
    their_model.head = head
    used = [p for n, p in their_model.named_parameters() if not n.startswith(("dense", "norm", "bias"))]
    optimizer = torch.optim.AdamW(used, lr=LR, weight_decay=WEIGHT_DECAY, fused=True)
    inputs = [(*padded(b, tokenizer.pad_id), torch.from_numpy(np.array(b.labels))) for b in batches]

    def their_loss(ids: Any, keys: Any, labels: Any) -> Any:
        hidden = their_model.body(ids, keys)  # (B, T, D)
        real = keys[:, 0, 0, :, None].to(hidden.dtype)
        mean = (hidden * real).sum(1) / real.sum(1)
        return functional.cross_entropy(head(mean), labels)

    def ours() -> None:
        steps(model, batches)

    def theirs() -> None:
        for tensors in inputs:
            torch_step(their_loss, optimizer, *tensors)()

    return ours, theirs


def steps(model: Model, batches: list[Batch]) -> None:
    for _ in our_steps(model, batches):
        pass
