"""Fewer bytes and fewer blocks: ``serving`` and ``serving_real``."""

import numpy as np
from saying import Said, interval, read, spread, table

WAYS = {
    "full": "whole model", "float16": "float16", "int8": "int8",
    "dropped": "half (the first block), as cut", "trained on": "half, trained on alone",
    "distilled": "half, distilled (beside its teacher)",
    "distilled, int8": "half, distilled, int8",
}  # fmt: skip
REAL = {
    "full": "whole model", "float16": "float16", "int8": "int8",
    "dropped": "half (blocks 0, 2 and 4), as cut", "distilled": "half, distilled",
    "distilled, int8": "half, distilled, int8",
}  # fmt: skip


def claims():
    yield from toy(read("serving"))
    yield from real(read("serving_real"))


def values(cells, way, name):
    return np.array([c["ways"][way][name] for c in cells])


def time(cells, way):
    return "1" if way == "full" else f"{values(cells, way, 'time').mean():.2f}"


def toy(cells):
    def gain(way, other, name, digits=3):
        found = interval(values(cells, way, name) - values(cells, other, name))
        mean, low, high = (f"{x:.{digits}f}".replace(f"-{0:.{digits}f}", f"{0:.{digits}f}")
                           for x in found)
        return f"{mean} [{low}, {high}]"

    yield table(["", "masked words", "F1, hard SMS", "time", "bytes"],
                *([said, *(spread(values(cells, way, name), 3) for name in ("words", "f1")),
                   time(cells, way), f"{cells[0]['ways'][way]['bytes']:,}"]
                  for way, said in WAYS.items()))
    yield Said("difference is {} of masked words and {} of F1", gain("int8", "full", "words", 4),
               gain("int8", "full", "f1", 4))
    slower = {way: 100 * (values(cells, way, "time").mean() - 1) for way in ("int8", "float16")}
    yield Said("converting costs {:.0f} % here, for float16, which NumPy converts more slowly, "
               "{:.0f} %", slower["int8"], slower["float16"])
    yield Said("Half the blocks take {:.0f} % of the time",
               100 * values(cells, "dropped", "time").mean())
    yield Said("the body loses {} of masked words", gain("full", "dropped", "words"))
    f1 = {way: values(cells, way, "f1") for way in ("full", "distilled", "trained on")}
    yield Said("the students keep {:.0f} % of it, {} beside the teacher",
               100 * f1["distilled"].mean() / f1["full"].mean(), gain("distilled", "full", "f1"))
    yield Said("with the same batches: {} of masked words, {} of F1",
               gain("distilled", "trained on", "words"), gain("distilled", "trained on", "f1"))
    yield Said("one block overtakes it ({})", gain("trained on", "full", "words"))


def real(cells):
    def mean(way, name="spearman"):
        return values(cells, way, name).mean()

    def shown(way):
        found = values(cells, way, "spearman")
        if way in ("full", "float16", "int8"):
            return f"{found[0]:.4f}"
        return f"{found[0]:.3f}" if way == "dropped" else spread(found, 3)

    yield table(["", "Spearman", "time", "MB"],
                *([said, shown(way), time(cells, way),
                   f"{cells[0]['ways'][way]['bytes'] / 1e6:.1f}"] for way, said in REAL.items()))
    lost = {way: mean("full") - mean(way) for way in REAL}
    yield Said("int8 costs {:.4f} of STS; half its blocks {:.3f}, after a little distillation "
               "{:.3f}", lost["int8"], lost["dropped"], lost["distilled"])
    yield Said("int8 loses {:.4f}", lost["int8"])
    yield Said("costs {:.0f} % of the time; float16, which NumPy converts more slowly, {:.0f} %",
               100 * (mean("int8", "time") - 1), 100 * (mean("float16", "time") - 1))
    yield Said("the encoder loses {:.3f}, and 100 steps on 1,600 plain sentences of the training "
               "part, without a grade, get {:.3f} of that back", lost["dropped"],
               mean("distilled") - mean("dropped"))
    size = [mean(way, "bytes") / 1e6 for way in ("full", "int8")]
    yield Said("Half of {:.0f} MB are word vectors", size[0])
    yield Said("goes from {:.1f} to {:.1f} MB and loses {:.4f} of {:.3f} on the STS benchmark, at "
               "{:.2f} times the time", *size, lost["int8"], mean("full"), mean("int8", "time"))
