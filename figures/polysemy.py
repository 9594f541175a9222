"""F15: the senses of one word on a map, and word senses by layer beside the most frequent sense."""


from common import on_bodies, picture, results, run_grid

from npft.experiments.senses import LABELLED, layer_gaps, senses_cell, senses_table
from npft.plots import draw_polysemy

K = 16  # labelled uses of each word


def compute() -> list:
    found = run_grid(__file__, senses_cell, on_bodies([{}]))
    for cell in found[1:]:
        del cell["map"]  # one seed is enough to draw
    return found


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(senses_table(cells))
    for text in cells[0]["mfs"]:
        for k in LABELLED:
            for name, gap in layer_gaps(cells, text, k).items():
                print(f"{text}, {k}: {name}: {gap.mean:.3f} ({gap.low:.3f} to {gap.high:.3f})")
    for name in ("vote", "contexts", "topics"):
        print(name, *(cell[name] for cell in cells), sep="\n  ")
    picture("polysemy", draw_polysemy, cells, K, columns=3)
