"""The encoders of the field beside the bundled one: weights, operations, memory, text."""

from common import picture, results

from npft.experiments.sizes import size_rows, size_table
from npft.plots import draw_sizes

if __name__ == "__main__":
    rows = results(__file__, size_rows)
    print(size_table(rows))
    picture("sizes", draw_sizes, rows, columns=2, rows=2, width=6.5, height=5.2)
