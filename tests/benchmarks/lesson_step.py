"""One training step of the lesson model in npft and in PyTorch eager, measured alternately.

Forward, backward and AdamW of a masked language model (V 260, D 64, L 2, H 4, T 32, F 256, B 32;
pre-norm, erf GELU, tied head on the masked rows only, no dropout, gradients not clipped); float32;
one thread each. Both models hold the same weights; the script first checks that they give the same
loss and the same gradients.

    python -m venv bench && bench/bin/pip install -e . torch
    bench/bin/python tests/benchmarks/lesson_step.py

Prints the time of both and the ratio npft / PyTorch, each as median [min, max] over the rounds.
"""

from __future__ import annotations

import argparse
import os
import time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as tf  # noqa: E402

from npft import AdamW, Batch, Encoder, EncoderConfig, Masked, MaskedLM  # noqa: E402
from npft.autograd.machine import keep_freed_memory, set_threads  # noqa: E402
from npft.nn.optim import decay_groups  # noqa: E402

B, T = 32, 32
LR, WEIGHT_DECAY = 1e-3, 0.01


class TorchBlock(torch.nn.Module):
    def __init__(self, d: int, f: int, heads: int) -> None:
        super().__init__()
        self.before, self.after = torch.nn.LayerNorm(d), torch.nn.LayerNorm(d)
        self.qkv, self.out = torch.nn.Linear(d, 3 * d), torch.nn.Linear(d, d)
        self.up, self.down = torch.nn.Linear(d, f), torch.nn.Linear(f, d)
        self.heads = heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        qkv = self.qkv(self.before(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = tf.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + self.out(attended)
        return x + self.down(tf.gelu(self.up(self.after(x))))


class TorchMaskedLM(torch.nn.Module):
    def __init__(self, c: EncoderConfig) -> None:
        super().__init__()
        d = c.hidden_size
        self.words = torch.nn.Embedding(c.vocab_size, d)
        self.positions = torch.nn.Embedding(c.max_positions, d)
        self.blocks = torch.nn.ModuleList(
            TorchBlock(d, c.intermediate_size, c.num_heads) for _ in range(c.num_layers)
        )
        self.last = torch.nn.LayerNorm(d)
        self.dense, self.norm = torch.nn.Linear(d, d), torch.nn.LayerNorm(d)
        self.bias = torch.nn.Parameter(torch.zeros(c.vocab_size))

    def forward(self, ids: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor):
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        z = self.last(x).flatten(0, 1)[rows]
        z = self.norm(tf.gelu(self.dense(z)))
        return tf.cross_entropy(z @ self.words.weight.T + self.bias, targets)


def pairs(ours: MaskedLM, theirs: TorchMaskedLM):
    """Parameters of npft and of PyTorch that mean the same."""
    e, p = ours.encoder.embeddings, ours.predictions
    yield e.word_embeddings.weight, theirs.words.weight
    yield e.position_embeddings.weight, theirs.positions.weight
    layers = [
        (ours.encoder.layernorm, theirs.last), (p.dense, theirs.dense), (p.LayerNorm, theirs.norm)
    ]
    for a, b in zip(ours.encoder.encoder.layer, theirs.blocks):
        layers += [
            (a.layernorm_before, b.before), (a.layernorm_after, b.after),
            (a.attention.output.dense, b.out), (a.intermediate.dense, b.up),
            (a.output.dense, b.down),
        ]
        attention = a.attention.self
        yield attention.qkv_weight, b.qkv.weight
        yield attention.qkv_bias, b.qkv.bias
    for a, b in layers:
        yield a.weight, b.weight
        yield a.bias, b.bias
    yield p.bias, theirs.bias


def spread(values: np.ndarray, unit: str = "") -> str:
    return f"{np.median(values):.3f}{unit} [{values.min():.3f}, {values.max():.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=10, help="in each round")
    args = parser.parse_args()
    set_threads(1)
    torch.set_num_threads(1)
    keep_freed_memory()

    rng = np.random.default_rng(0)
    config = EncoderConfig(
        vocab_size=260, max_positions=T, type_vocab_size=0, dropout=0.0, init_std=0.1
    )
    ours = MaskedLM(Encoder(config, rng=rng), nsp=False, rng=rng)
    theirs = TorchMaskedLM(config)
    for a, b in pairs(ours, theirs):
        with torch.no_grad():
            b.copy_(torch.from_numpy(a.numpy()))
    ids = rng.integers(0, 256, (B, T))
    rows = np.flatnonzero(rng.random(B * T) < 0.15)
    targets = rng.integers(0, 256, len(rows))
    masked = Masked(Batch.from_padded(ids, np.ones_like(ids)), rows, targets)
    tensors = [torch.from_numpy(a) for a in (ids, rows, targets)]

    loss, _ = ours.loss(masked)
    loss.backward()
    their_loss = theirs(*tensors)
    their_loss.backward()
    worst = max(
        np.abs(a.grad - b.grad.numpy()).max() / np.abs(a.grad).max() for a, b in pairs(ours, theirs)
    )
    print(f"loss {loss.item():.6f} and {their_loss.item():.6f}; gradients differ by {worst:.1e}")
    if worst > 1e-4:
        raise SystemExit("the two models are not the same: nothing to compare")

    optimizer = AdamW(decay_groups(ours, lr=LR, weight_decay=WEIGHT_DECAY))
    matrices = [p for p in theirs.parameters() if p.ndim > 1]
    vectors = [p for p in theirs.parameters() if p.ndim <= 1]
    their_optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0}],
        lr=LR, fused=True,
    )

    def our_step() -> None:
        ours.zero_grad()
        ours.loss(masked)[0].backward()
        optimizer.step()

    def their_step() -> None:
        their_optimizer.zero_grad()
        theirs(*tensors).backward()
        their_optimizer.step()

    def measure(step) -> float:
        start = time.perf_counter()
        for _ in range(args.steps):
            step()
        return 1000 * (time.perf_counter() - start) / args.steps

    for step in (our_step, their_step):
        measure(step)  # warm up
    times = np.array([[measure(our_step), measure(their_step)] for _ in range(args.rounds)])
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, 1 thread, {args.rounds} rounds")
    print(f"npft     {spread(times[:, 0], ' ms')}")
    print(f"PyTorch  {spread(times[:, 1], ' ms')}")
    print(f"ratio    {spread(times[:, 0] / times[:, 1])}")


if __name__ == "__main__":
    main()
