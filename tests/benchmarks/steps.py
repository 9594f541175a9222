"""Training steps: npft beside PyTorch eager, and for the record torch.compile, JAX and HIPS."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from clock import compared, in_turns, spread
from models import (
    SIZES, Size, adamw, full_batch, named_weights, operations, our_gradients, our_model, our_step,
    plain_loss, same_model, torch_model, torch_optimizer, torch_step, torch_tensors,
)

from npft import Batch, MaskedLM

PACKS = {"lesson": 2}  # on two threads; of a larger batch npft makes packs by itself


def measure(name: str, threads: int, rounds: int) -> list[dict]:
    """Rows of the table for one size of model, against PyTorch eager."""
    import torch

    torch.set_num_threads(threads)
    size = SIZES[name]
    ours, batch = our_model(size), full_batch(size)
    theirs, tensors = torch_model(size, ours), torch_tensors(size, batch)
    theirs(*tensors).backward()
    gradients = {k: p.grad.numpy() for k, p in theirs.named_parameters()}
    worst = same_model(our_gradients(ours, batch), gradients)
    calls = {
        "npft": our_step(ours, batch, PACKS.get(name) if threads > 1 else None),
        "torch": torch_step(theirs, torch_optimizer(theirs), *tensors),
    }
    a = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
    if threads == 1:  # the product's own number of threads is npft's: one for each pack
        calls["product"] = lambda: a @ a
    times = in_turns(calls, rounds)
    row = {"work": f"{name} step", "peer": "PyTorch eager", "threads": threads}
    row |= compared(times["npft"], times["torch"]) | {"gradients_differ": worst}
    if threads == 1:
        at_the_peak = operations(size) / (2 * 1024**3) * times["product"]  # seconds
        row["gflops"] = spread(operations(size) / times["npft"] / 1e9)
        row["share"] = spread(at_the_peak / times["npft"])
    return [row]


def for_the_record(name: str, peer: str, rounds: int) -> list[dict]:
    """The same against another peer, on one thread; a peer that is not there says why."""
    size = SIZES[name]
    ours, batch = our_model(size), full_batch(size)
    row: dict[str, Any] = {"work": f"{name} step", "peer": peer, "threads": 1}
    try:
        their_step = PEERS[peer](size, ours, batch)
        their_step()
    except Exception as error:  # not installed, or no compiler
        return [row | {"absent": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"}]
    times = in_turns({"npft": our_step(ours, batch), "peer": their_step}, rounds)
    return [row | compared(times["npft"], times["peer"])]


def compiled(size: Size, ours: MaskedLM, batch: Batch) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    model = torch_model(size, ours)
    loss_fn = torch.compile(model)
    return torch_step(loss_fn, torch_optimizer(model), *torch_tensors(size, batch))


def _start(ours: MaskedLM) -> tuple[dict, dict, dict]:
    w = {name: p.numpy() for name, p in named_weights(ours)}
    zeros = {name: np.zeros_like(a) for name, a in w.items()}
    return w, zeros, dict(zeros)


def hips(size: Size, ours: MaskedLM, batch: Batch) -> Callable[[], object]:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import erf

    ids, (rows, targets) = batch.ids.reshape(size.B, size.T), batch.token_targets()

    def loss(w: dict) -> Any:
        return plain_loss(anp, erf, size, w, ids, rows, targets)

    gradient = autograd.grad(loss)
    w, m, v = _start(ours)
    same_model(our_gradients(ours, batch), gradient(w))
    state = {"w": w, "m": m, "v": v, "t": 0}

    def step() -> None:
        state["t"] += 1
        g = gradient(state["w"])
        with np.errstate(all="ignore"):
            new = adamw(np, state["w"], g, state["m"], state["v"], state["t"])
        state["w"], state["m"], state["v"] = new

    return step


def jax_jit(size: Size, ours: MaskedLM, batch: Batch) -> Callable[[], object]:
    if hasattr(os, "sched_setaffinity"):  # nothing else keeps JAX on one core
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import erf

    ids, (rows, targets) = batch.ids.reshape(size.B, size.T), batch.token_targets()

    def loss(w: dict) -> Any:
        return plain_loss(jnp, erf, size, w, ids, rows, targets)

    @jax.jit
    def update(w: dict, m: dict, v: dict, t: Any) -> tuple[dict, dict, dict]:
        return adamw(jnp, w, jax.grad(loss)(w), m, v, t)

    state = [{k: jnp.asarray(a) for k, a in part.items()} for part in _start(ours)]
    theirs = {k: np.asarray(g) for k, g in jax.grad(loss)(state[0]).items()}
    same_model(our_gradients(ours, batch), theirs)
    count = [0]

    def step() -> None:
        count[0] += 1
        state[:] = update(*state, np.float32(count[0]))
        jax.block_until_ready(state)

    return step


PEERS = {"torch.compile": compiled, "JAX, jit": jax_jit, "HIPS autograd": hips}
