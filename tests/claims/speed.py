"""How fast it is beside other packages: ``figures/speed.json``, by ``python tests/benchmarks``."""

from saying import Said, read, table

PYTORCH, COMPILED, JAX, HIPS = "PyTorch eager", "torch.compile", "JAX, jit", "HIPS autograd"
PADDED, SORTED, PLAIN = "PyTorch, padded", "PyTorch, sorted", "plain"
SIZES = {"lesson": 64, "tiny": 128, "mini": 256}  # and their widths
WORDS, CLASSES = "masked language", "classification"
BEFORE = 0.1  # seconds: what a method needs before or after training is told from here on


def claims():
    found = read("speed")
    row = {(r["work"], r.get("peer"), r.get("threads")): r for r in found["rows"]}

    def ratio(work, peer, threads=1):
        middle, low, high = row[work, peer, threads]["ratio"]
        bold = "**" if f"{middle:.2f}" > "1.00" and peer != PLAIN else ""
        return f"{bold}{middle:.2f}{bold} [{low:.2f}, {high:.2f}]"

    def both(work, peer):
        return [ratio(work, peer, 1), ratio(work, peer, 2)]

    def ms(size):
        return f"{row[f'{size} step', PYTORCH, 1]['npft_ms'][0]:.0f} ms"

    packs, whole = (row[f"peak memory, {how}", PYTORCH, 1] for how in ("tiny step", "not in packs"))
    yield table(
        ["work", "1 thread", "2 threads"],
        *([f"{size} step (width {width}, {ms(size)})", *both(f"{size} step", PYTORCH)]
          for size, width in SIZES.items()),
        ["5,574 SMS as bytes, masked words, beside padded batches",
         *both(f"SMS, bytes, {WORDS}", PADDED)],
        ["the same beside batches sorted by length", *both(f"SMS, bytes, {WORDS}", SORTED)],
        ["peak memory of a tiny step", f"{packs['ratio'][0]:.2f}", ""],
    )
    yield table(
        ["work", "beside", "1 thread", "2 threads"],
        *([f"{size} step ({ms(size)})", "PyTorch", *both(f"{size} step", PYTORCH)]
          for size in SIZES),
        *(["lesson, tiny step", peer,
           f"{ratio('lesson step', peer)}, {ratio('tiny step', peer)}", ""]
          for peer in (COMPILED, JAX, HIPS)),
        *([f"SMS as {pieces}, {task}", peer, *both(f"SMS, {pieces}, {task}", peer)]
          for pieces in ("bytes", "WordPiece")
          for task, peer in ((WORDS, PADDED), (WORDS, SORTED), (CLASSES, PADDED))),
        ["1,000 ops on tiny arrays", "PyTorch, HIPS autograd",
         f"{ratio('engine, 1,000 small ops', PYTORCH)}, "
         f"{ratio('engine, 1,000 small ops', HIPS)}", ""],
        ["peak memory of a tiny step", "PyTorch",
         f"{packs['ratio'][0]:.2f} ({packs['npft_mb']:.0f} MB); "
         f"{whole['ratio'][0]:.2f} without packs", ""],
    )
    yield cost_of_repairs(row, ratio)
    yield Said("median of {} rounds in turns", found["rounds"])
    # how it is measured: set in tests/benchmarks
    yield Said("OpenBLAS, PyTorch 2.13), both with the same number of threads: median of 12 rounds "
               "in turns (of text messages 4)")
    yield Said("lesson (260, 64, 2, 32, 32), tiny (8192, 128, 2, 128, 32) and mini (8192, 256, "
               "4, 128, 16)")
    yield from in_words(row)


def cost_of_repairs(row, ratio):
    """Three columns of methods, each with its time and what it needs once."""
    def cost(method):
        times = row[f"fine-tuning, {method}", PLAIN, 1]
        said = ratio(f"fine-tuning, {method}", PLAIN)
        for when in ("before", "after"):
            if times[f"{when}_s"][0] >= BEFORE:
                said += f" and {times[f'{when}_s'][0]:.1f} s {when}"
        return [f"`{method}`", said]

    columns = [["lr", "anchor", "proximal", "ewc", "recadam"],
               ["lwf", "replay", "own-text", "agem", "gradual"],
               ["freeze", "lora", "adapter", "interpolate", "remind"]]
    return table(["", "time"] * 3, *([c for m in methods for c in cost(m)]
                                     for methods in zip(*columns)))


def in_words(row):
    def of_peer(name, way, size="lesson"):
        return row[f"{name}, {way}, {size}", PYTORCH, 1]["ratio"][0]

    roof = row["roof: product of 1024 x 1024", None, None]["gflops"][0]
    steps = [row[f"{size} step", PYTORCH, 1] for size in SIZES]
    yield Said("equally fast, {:.0f} GFLOP/s a core", roof)
    yield Said("A lesson, tiny and mini step reaches {:.0f} %, {:.0f} % and {:.0f} % of that",
               *(100 * s["share"][0] for s in steps))
    yield Said("because {:.0f} % of a padded batch is pads",
               100 * (1 - row[f"SMS, bytes, {WORDS}", PADDED, 1]["real_share"]))
    yield Said("where {:.0f} % is real",
               100 * row[f"SMS, bytes, {WORDS}", SORTED, 1]["real_share"])
    padded, ordered = (row[f"SMS, bytes, {WORDS}", peer, 1] for peer in (PADDED, SORTED))
    shrinks = padded["real_share"] / ordered["real_share"]
    yield Said("{:.2f} beside padded batches is {:.2f} beside sorted ones, times the {:.2f} by "
               "which sorting shrinks the batch. The {:.2f} we aim at would ask for {:.2f} beside",
               padded["ratio"][0], ordered["ratio"][0], shrinks, padded["must"],
               padded["must"] / shrinks)
    lesson = row["lesson step", HIPS, 1]
    products = row["profile, lesson step", None, 1]["shares"]["products"]
    yield Said("Beside HIPS autograd ({:.2f}, aim {:.2f}) the products of a lesson step alone take "
               "{:.2f} of its time", lesson["ratio"][0], lesson["must"],
               products * lesson["ratio"][0])
    forward = ("GELU", "embedding", "layer norm", "cross-entropy", "linear", "attention")
    yield Said("GELU takes {:.1f} times PyTorch's time, embedding {:.1f}, layer norm {:.1f}, "
               "cross-entropy {:.1f}, linear maps {:.1f}, attention {:.1f}",
               *(of_peer(name, "forward") for name in forward))
    middle = [of_peer(name, "backward") for name in ("GELU", "embedding", "attention")]
    yield Said("backward, layer norm {:.1f}, linear maps {:.1f}, GELU, embedding and attention "
               "{:.1f} to {:.1f}, cross-entropy {:.1f}", of_peer("layer norm", "backward"),
               of_peer("linear", "backward"), min(middle), max(middle),
               of_peer("cross-entropy", "backward"))
    gain = [row[f"{size} step", PYTORCH, 2]["npft_ms"][0]
            / row[f"{size} step", PYTORCH, 1]["npft_ms"][0] for size in ("tiny", "mini")]
    of_length, of_width = (row[f"growth in {size}", None, None] for size in "TD")
    yield Said("a step of two sequences of {:,} tokens takes {:.1f} times PyTorch's time, one of "
               "width {:,} takes {:.1f} of it", of_length["at"][-1], of_length["ratios"][-1],
               of_width["at"][-1], of_width["ratios"][-1])
    yield Said("Tiny and mini take {:.2f} and {:.2f} of their time on one thread", *gain)
