"""One masked language model, written for npft, for PyTorch, and for NumPy-like packages.

Pre-norm, erf GELU, tied head on the masked rows only, no dropout; float32. ``sizes`` are those of
the table of results: vocabulary V, width D, blocks L, heads H, tokens T, feed-forward width F, and
B sequences in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from npft import (
    AdamW, Batch, Encoder, EncoderConfig, MaskedLM, Model, Parameter, Part, Step, train_steps,
)
from npft.nn.optim import decay_groups
from npft.text.batch import IGNORE

LR, WEIGHT_DECAY = 1e-3, 0.01
BETAS, EPS = (0.9, 0.999), 1e-8


class Size(NamedTuple):
    V: int
    D: int
    L: int
    H: int
    T: int
    F: int
    B: int


def operations(size: Size) -> int:
    """Multiplications and additions of the products of a step; backward has two for each one."""
    tokens, masked = size.B * size.T, round(0.15 * size.B * size.T)
    block = 8 * size.D**2 + 4 * size.D * size.F + 4 * size.T * size.D
    head = 2 * size.D**2 + 2 * size.D * size.V
    return 3 * (tokens * size.L * block + masked * head)


SIZES = {
    "lesson": Size(260, 64, 2, 4, 32, 256, 32),
    "tiny": Size(8192, 128, 2, 2, 128, 512, 32),
    "mini": Size(8192, 256, 4, 4, 128, 1024, 16),
}


def our_model(size: Size) -> MaskedLM:
    rng = np.random.default_rng(0)
    config = EncoderConfig(
        vocab_size=size.V, hidden_size=size.D, num_layers=size.L, num_heads=size.H,
        intermediate_size=size.F, max_positions=size.T, type_vocab_size=0, dropout=0.0,
        init_std=0.1,
    )  # fmt: skip
    return MaskedLM(Encoder(config, rng=rng), nsp=False, rng=rng)


def full_batch(size: Size) -> Batch:
    """B sequences of T random tokens, of which 15 % are asked for."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, min(size.V, 256), (size.B, size.T))
    chosen = rng.random(ids.size) < 0.15
    labels = np.full(ids.shape, IGNORE)
    labels.flat[chosen] = rng.integers(0, size.V, chosen.sum())
    return Batch.from_padded(ids, np.ones_like(ids), token_labels=labels)


def our_steps(model: Model, batches: Iterable[Batch], number: int | None = None) -> Iterator[Step]:
    """Training steps of npft's own loop: forward, backward, AdamW.

    A batch is cut into packs by its tokens, as in all training, or into a given number of them.
    """

    def cut(batch: Batch) -> list[Part]:
        return model.packs(batch, -(-len(batch) // number) if number else None)

    return train_steps(
        model, batches, lambda model, part, rng: model.loss(part, rng),
        AdamW(decay_groups(model, lr=LR, weight_decay=WEIGHT_DECAY)),
        clip=None, cut=cut, rng=np.random.default_rng(0),
    )  # fmt: skip


def our_step(mlm: MaskedLM, batch: Batch, number: int | None = None) -> Callable[[], object]:
    """One such step, on the same batch each time."""
    steps = our_steps(mlm, repeat(batch), number)
    return lambda: next(steps)


def named_weights(mlm: MaskedLM) -> Iterator[tuple[str, Parameter]]:
    """Our parameters, under the names that the other models below use."""
    e, p = mlm.encoder.embeddings, mlm.heads["mlm"]
    yield "words.weight", e.word_embeddings.weight
    yield "positions.weight", e.position_embeddings.weight
    layers = {"last": mlm.encoder.layernorm, "dense": p.dense, "norm": p.LayerNorm}
    for i, block in enumerate(mlm.encoder.encoder.layer):
        layers |= {
            f"blocks.{i}.before": block.layernorm_before,
            f"blocks.{i}.out": block.attention.output.dense,
            f"blocks.{i}.after": block.layernorm_after,
            f"blocks.{i}.up": block.intermediate.dense,
            f"blocks.{i}.down": block.output.dense,
        }
        yield f"blocks.{i}.qkv.weight", block.attention.self.qkv_weight
        yield f"blocks.{i}.qkv.bias", block.attention.self.qkv_bias
    for name, layer in layers.items():
        yield f"{name}.weight", layer.weight
        yield f"{name}.bias", layer.bias
    yield "bias", p.bias


def same_model(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> float:
    """The largest difference of two sets of gradients, relative to the largest of each array."""
    worst = max(np.abs(ours[k] - theirs[k]).max() / np.abs(ours[k]).max() for k in ours)
    if not worst < 1e-3:
        raise SystemExit(f"the gradients differ by {worst:.1e}: not the same model")
    return float(worst)


def our_gradients(mlm: MaskedLM, batch: Batch) -> dict[str, np.ndarray]:
    mlm.zero_grad()
    mlm.loss(batch).total.backward()
    return {name: np.asarray(p.grad) for name, p in named_weights(mlm)}


# ---- PyTorch ----


def torch_model(size: Size, mlm: MaskedLM) -> Any:
    """The same model as PyTorch modules, with the weights of ``mlm``."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.LayerNorm(size.D), nn.LayerNorm(size.D)
            self.qkv, self.out = nn.Linear(size.D, 3 * size.D), nn.Linear(size.D, size.D)
            self.up, self.down = nn.Linear(size.D, size.F), nn.Linear(size.F, size.D)

        def forward(self, x: Any, mask: Any) -> Any:
            b, t, d = x.shape
            qkv = self.qkv(self.before(x)).view(b, t, 3, size.H, d // size.H)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + self.out(attended.transpose(1, 2).reshape(b, t, d))
            return x + self.down(functional.gelu(self.up(self.after(x))))

    class TorchMaskedLM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.positions = nn.Embedding(size.V, size.D), nn.Embedding(size.T, size.D)
            self.blocks = nn.ModuleList(Block() for _ in range(size.L))
            self.last = nn.LayerNorm(size.D)
            self.dense, self.norm = nn.Linear(size.D, size.D), nn.LayerNorm(size.D)
            self.bias = nn.Parameter(torch.zeros(size.V))

        def body(self, ids: Any, mask: Any = None) -> Any:
            x = self.words(ids) + self.positions(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x, mask)
            return self.last(x)

        def forward(self, ids: Any, rows: Any, targets: Any, mask: Any = None) -> Any:
            z = self.body(ids, mask).flatten(0, 1)[rows]
            z = self.norm(functional.gelu(self.dense(z)))
            return functional.cross_entropy(z @ self.words.weight.T + self.bias, targets)

    model = TorchMaskedLM()
    with torch.no_grad():
        theirs = dict(model.named_parameters())
        for name, p in named_weights(mlm):
            theirs[name].copy_(torch.from_numpy(p.numpy()))
    return model


def torch_optimizer(model: Any) -> Any:
    """Fused AdamW, with decay on matrices only."""
    import torch

    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LR, betas=BETAS, eps=EPS, fused=True)


def torch_tensors(size: Size, batch: Batch) -> tuple[Any, Any, Any]:
    import torch

    arrays = batch.ids.reshape(size.B, size.T), *batch.token_targets()
    return tuple(torch.from_numpy(np.array(a)) for a in arrays)


def torch_step(loss_fn: Callable[..., Any], optimizer: Any, *inputs: Any) -> Callable[[], object]:
    def step() -> None:
        optimizer.zero_grad()
        loss_fn(*inputs).backward()
        optimizer.step()

    return step


# ---- packages that look like NumPy: HIPS autograd and JAX ----


def plain_loss(np_: Any, erf: Any, size: Size, w: dict, ids: Any, rows: Any, targets: Any) -> Any:
    """The loss in the functions of a NumPy-like module ``np_``."""

    def linear(x: Any, name: str) -> Any:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        x = x - np_.mean(x, axis=-1, keepdims=True)
        x = x / np_.sqrt(np_.mean(x * x, axis=-1, keepdims=True) + np.float32(1e-5))
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def gelu(x: Any) -> Any:
        return x * (erf(x * np.float32(0.5**0.5)) + np.float32(1)) * np.float32(0.5)

    def attention(x: Any, name: str) -> Any:
        heads = (size.B, size.T, 3, size.H, size.D // size.H)
        q, k, v = np_.transpose(np_.reshape(linear(x, name), heads), (2, 0, 3, 1, 4))
        scores = (q @ np_.swapaxes(k, -1, -2)) * np.float32((size.H / size.D) ** 0.5)
        e = np_.exp(scores - np_.max(scores, axis=-1, keepdims=True))
        e = e / np_.sum(e, axis=-1, keepdims=True)
        return np_.reshape(np_.swapaxes(e @ v, 1, 2), (size.B, size.T, size.D))

    x = w["words.weight"][ids] + w["positions.weight"]
    for i in range(size.L):
        block = f"blocks.{i}"
        x = x + linear(attention(norm(x, f"{block}.before"), f"{block}.qkv"), f"{block}.out")
        x = x + linear(gelu(linear(norm(x, f"{block}.after"), f"{block}.up")), f"{block}.down")
    z = np_.reshape(norm(x, "last"), (size.B * size.T, size.D))[rows]
    z = norm(gelu(linear(z, "dense")), "norm")
    logits = z @ w["words.weight"].T + w["bias"]
    top = np_.max(logits, axis=1, keepdims=True)
    log_sum = np_.log(np_.sum(np_.exp(logits - top), axis=1)) + top[:, 0]
    return np_.mean(log_sum - logits[np.arange(len(targets)), targets])


def adamw(np_: Any, w: dict, g: dict, m: dict, v: dict, t: Any) -> tuple[dict, dict, dict]:
    """One step of AdamW on dicts of arrays."""
    b1, b2 = BETAS
    m = {k: b1 * m[k] + (1 - b1) * g[k] for k in w}
    v = {k: b2 * v[k] + (1 - b2) * g[k] * g[k] for k in w}
    w = {
        k: w[k] * (1 - LR * WEIGHT_DECAY * (w[k].ndim > 1))
        - LR * (m[k] / (1 - b1**t)) / (np_.sqrt(v[k] / (1 - b2**t)) + EPS)
        for k in w
    }
    return w, m, v
