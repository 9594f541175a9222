"""A real checkpoint, served and tuned: npft beside sentence-transformers, onnxruntime and PyTorch.

    python -m venv real && real/bin/pip install -e . sentence-transformers
    real/bin/python tests/benchmarks/hub.py --model FOLDER --sms SMSSpamCollection \\
        --stsb sts-test.csv --save hub.json

FOLDER is one of sentence-transformers, such as all-MiniLM-L6-v2. With ``--onnx model.onnx`` (the
same weights, which many folders hold) and onnxruntime installed, that is measured too: texts sorted
by length, batches of 32. ``--quick`` runs one round on 200 messages, to see that all of it works.

What is reported, medians of the rounds with the smallest and the largest:

    texts/s     1,500 messages, tokenised, encoded, pooled, normalised; on 1 and 2 threads, in turns
    step        full fine-tuning on 32 messages: forward, backward, AdamW, with dropout; the peer
                pads them to the longest, as its users do
    load        the library imported and the model read, in a new process
    memory      the peak of a process that has read the model and encoded the messages
    quality     the largest difference of two vectors; Spearman on the STS benchmark, of int8 too
    profile     where the time of the step and of encoding 256 messages goes, and how long their
                products alone take (``profiles.py``)

``--only PART`` runs one of these. ``--save FILE`` puts the rows into a file of results, new or not
(``stored.py``); ``--only profile --save figures/speed.json`` puts them on figures/README.md too.

Each part runs in a process of its own, with the same number of threads on both sides and without
what holds OpenBLAS to old kernels. Ratios of times are npft / peer; those of texts/s the inverse.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import stored
from clock import compared, in_turns, spread
from machine import HELD, machine
from profiles import rows_of

sys.path.remove(str(Path(__file__).parent))  # its tokenizers.py is no package

ROUNDS, TEXTS, BATCH = 12, 1500, 32
LR = 5e-5
# by threads, the ratio of times that we want to reach beside PyTorch and sentence-transformers
AIMS = {"step": {1: 0.6, 2: 0.7}, "texts/s": {1: 1 / 1.8, 2: 1 / 1.6}}


def messages(path: Path, count: int) -> tuple[list[str], np.ndarray]:
    """The first texts of a file of label<TAB>text, and 1 for each that is spam."""
    rows = [line.split("\t", 1) for line in path.read_text("utf-8").splitlines()[:count]]
    return [text for _, text in rows], np.array([label == "spam" for label, _ in rows], dtype=int)


def our_encoder(folder: Path) -> Callable[[list[str]], np.ndarray]:
    from npft import SentenceEncoder

    return SentenceEncoder.from_pretrained(folder).encode


def their_encoder(folder: Path) -> Callable[[list[str]], np.ndarray]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(texts, batch_size=BATCH, show_progress_bar=False)


ENCODERS = {"npft": our_encoder, "sentence-transformers": their_encoder}


def onnx_encoder(folder: Path, onnx: Path, threads: int) -> Callable[[list[str]], np.ndarray]:
    """Sorted by length, batches of 32 padded to their longest; the mean, of length 1."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(onnx), options, ["CPUExecutionProvider"])
    asked = {given.name for given in session.get_inputs()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding()

    def encode(texts: list[str]) -> np.ndarray:
        order = np.argsort([-len(text) for text in texts], kind="stable")
        found: list[np.ndarray] = [np.zeros(0)] * len(texts)
        for i in range(0, len(texts), BATCH):
            rows = order[i : i + BATCH]
            encoded = tokenizer.encode_batch([texts[r] for r in rows])
            ids = np.array([e.ids for e in encoded])
            real = np.array([e.attention_mask for e in encoded])
            given = {"input_ids": ids, "attention_mask": real, "token_type_ids": 0 * ids}
            (hidden, *_) = session.run(None, {k: v for k, v in given.items() if k in asked})
            mean = (hidden * real[:, :, None]).sum(1) / real.sum(1, keepdims=True)
            mean /= np.linalg.norm(mean, axis=1, keepdims=True)
            for row, vector in zip(rows, mean):
                found[row] = vector
        return np.stack(found)

    return encode


def with_threads(threads: int) -> None:
    """Both sides on so many threads, with freed memory kept."""
    import torch

    from npft import set_threads
    from npft.autograd.machine import keep_freed_memory

    torch.set_num_threads(threads)
    set_threads(threads)
    keep_freed_memory()


def speed(args: argparse.Namespace) -> list[dict]:
    """Texts per second of each, measured in turns."""
    with_threads(args.threads)
    texts, _ = messages(args.sms, args.texts)
    encoders = {name: make(args.model) for name, make in ENCODERS.items()}
    if args.onnx:
        encoders["onnxruntime"] = onnx_encoder(args.model, args.onnx, args.threads)
    calls = {name: lambda encode=encode: encode(texts) for name, encode in encoders.items()}
    times = in_turns(calls, args.rounds, least=0.0)
    ours = encoders["npft"](texts)
    return [
        {
            "work": "texts/s", "peer": name, "threads": args.threads,
            "npft": spread(len(texts) / times["npft"]), "theirs": spread(len(texts) / times[name]),
            "ratio": spread(times[name] / times["npft"]),
            "difference": float(np.abs(encode(texts) - ours).max()),
        }
        for name, encode in encoders.items() if name != "npft"
    ]  # fmt: skip


def tuning_steps(args: argparse.Namespace) -> tuple[Callable, Callable, float]:
    """A step of full fine-tuning, the same in PyTorch with pads, and how much of that is real."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from npft import AdamW, Classifier, SentenceEncoder, set_dropout, train_steps
    from npft.nn.optim import decay_groups

    texts, labels = messages(args.sms, BATCH)
    body = SentenceEncoder.from_pretrained(args.model).body
    model = Classifier(body, 2, rng=np.random.default_rng(0))
    set_dropout(model, 0.1)
    model.train()  # a model that was read evaluates, without dropout
    batch = model.tokenize(texts, labels=labels)
    steps = train_steps(
        model, iter(lambda: batch, None), lambda model, part, rng: model.loss(part, rng),
        AdamW(decay_groups(model, lr=LR, weight_decay=0.01)), clip=None, cut=model.packs,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    peer = AutoModel.from_pretrained(args.model).train()
    head = torch.nn.Linear(body.config.hidden_size, 2)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    given = tokenizer(texts, padding=True, truncation=True, return_tensors="pt",
                      max_length=body.config.max_positions)  # fmt: skip
    used = [*(p for n, p in peer.named_parameters() if "pooler" not in n), *head.parameters()]
    optimizer = torch.optim.AdamW(used, lr=LR, weight_decay=0.01, fused=True)

    def theirs() -> None:
        optimizer.zero_grad()
        real = given["attention_mask"][:, :, None].float()
        mean = (peer(**given).last_hidden_state * real).sum(1) / real.sum(1)
        torch.nn.functional.cross_entropy(head(mean), torch.from_numpy(labels)).backward()
        optimizer.step()

    return lambda: next(steps), theirs, len(batch.ids) / given["attention_mask"].numel()


def step(args: argparse.Namespace) -> list[dict]:
    """A step of full fine-tuning, beside the same in PyTorch with pads."""
    with_threads(args.threads)
    ours, theirs, real_share = tuning_steps(args)
    times = in_turns({"npft": ours, "torch": theirs}, args.rounds, least=0.0)
    return [{"work": "full fine-tuning step", "peer": "PyTorch, padded", "threads": args.threads,
             "real_share": round(real_share, 3),
             **compared(times["npft"], times["torch"])}]  # fmt: skip


def profile(args: argparse.Namespace) -> list[dict]:
    """Where the time of a step and of encoding goes, and what bounds it from below."""
    with_threads(args.threads)
    rest = args.threads, args.rounds
    ours, theirs, _ = tuning_steps(args)
    rows = rows_of("MiniLM tuning step", ours, "PyTorch, padded", theirs,
                   AIMS["step"][args.threads], *rest)  # fmt: skip
    texts, _ = messages(args.sms, min(args.texts, 256))
    encode = {name: make(args.model) for name, make in ENCODERS.items()}
    peer = "sentence-transformers"
    return rows + rows_of("MiniLM encoding", lambda: encode["npft"](texts),
                          peer, lambda: encode[peer](texts), AIMS["texts/s"][args.threads], *rest)


def load(args: argparse.Namespace) -> list[dict]:
    """The seconds until a model of ``args.library`` stands, its import included."""
    begin = time.perf_counter()
    ENCODERS[args.library](args.model)
    return [{"seconds": time.perf_counter() - begin}]


def memory(args: argparse.Namespace) -> list[dict]:
    """The MB at the highest point of a process that encodes the messages."""
    encode = ENCODERS[args.library](args.model)
    encode(messages(args.sms, args.texts)[0])
    return [{"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}]


def quality(args: argparse.Namespace) -> list[dict]:
    """Spearman of cosine and score on the pairs of the STS benchmark."""
    from npft import FileFormat, SentenceEncoder, quantize, read_scored, set_threads
    from npft.embed.similarity import paired_cosines
    from npft.metrics.ranking import spearman

    set_threads(2)
    pairs = read_scored(args.stsb, fmt=FileFormat(separator="\t", columns=(5, 6, 7)))
    count = len(pairs) if args.texts == TEXTS else args.texts
    pairs = pairs[np.arange(count)]
    whole = SentenceEncoder.from_pretrained(args.model)
    encoders = {"npft": whole.encode, "npft, int8": quantize(whole).encode,
                "sentence-transformers": their_encoder(args.model)}  # fmt: skip
    return [{"work": f"STS test, {count} pairs", "spearman": {
        name: round(spearman(paired_cosines(encode(pairs.texts), encode(pairs.pairs)),
                             pairs.labels), 5)
        for name, encode in encoders.items()
    }}]  # fmt: skip


PARTS = {"speed": speed, "step": step, "load": load, "memory": memory, "quality": quality,
         "profile": profile, "machine": lambda args: [machine()]}  # fmt: skip


def in_a_process(args: argparse.Namespace, part: str, threads: int, library: str = "") -> list:
    """The rows of one part, measured in a new process."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in HELD}
    environment |= dict.fromkeys(names, str(threads))
    given = {"model": args.model, "sms": args.sms, "stsb": args.stsb, "onnx": args.onnx,
             "texts": args.texts, "rounds": args.rounds, "part": part, "threads": threads,
             "library": library}  # fmt: skip
    options = [t for k, v in given.items() if v not in (None, "") for t in (f"--{k}", str(v))]
    done = subprocess.run([sys.executable, __file__, *options], env=environment, check=False,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{part} on {threads} threads failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def of_processes(args: argparse.Namespace, part: str, field: str) -> list[dict]:
    """A number that each process has one of: both libraries in turns, npft / peer."""
    rounds = 1 if part == "memory" else max(1, min(args.rounds, 5))
    found: dict[str, list[float]] = {name: [] for name in ENCODERS}
    for _ in range(rounds):
        for name, values in found.items():
            values.append(in_a_process(args, part, 1, name)[0][field])
    ours, theirs = (np.array(values) for values in found.values())
    return [{"work": f"{part}, {field}", "peer": "sentence-transformers", "threads": 1,
             "npft": spread(ours), "theirs": spread(theirs),
             "ratio": spread(ours / theirs)}]  # fmt: skip


def measured(args: argparse.Namespace) -> list[dict]:
    """All rows, each said as it comes."""
    rows: list[dict[str, Any]] = []

    def add(new: list[dict]) -> None:
        rows.extend(new)
        for row in new:
            print(json.dumps(row), flush=True)

    def wanted(part: str) -> bool:
        return args.only in (None, part)

    for threads in (1, 2):
        for part in ("speed", "step", "profile"):
            if wanted(part):
                add(in_a_process(args, part, threads))
    if wanted("load"):
        add(of_processes(args, "load", "seconds"))
    if wanted("memory"):
        add(of_processes(args, "memory", "mb"))
    if wanted("quality") and args.stsb:
        add(in_a_process(args, "quality", 2))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sms", type=Path, required=True)
    parser.add_argument("--stsb", type=Path)
    parser.add_argument("--onnx", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--library", choices=ENCODERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(PARTS[args.part](args)))
        return 0
    if args.quick:
        args.texts, args.rounds = 200, 1
    rows = measured(args)
    if text := stored.tables(rows):
        print(f"\n{text}")
    if args.save:
        (here,) = in_a_process(args, "machine", 1)
        new = {"machine": here, "rounds": args.rounds, "rows": rows}
        stored.save(new, whole=False, path=args.save.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
