"""F20: the most alike pair of n sentences, by a bi-encoder and by a cross-encoder."""

from common import body_folder, picture, pretrain_seed, results, rounded

from npft.experiments.bi_cross import AT, bi_cross_cell
from npft.plots import draw_bi_cross

ROUNDS = 3
SIZES = [8, 16, 32, 64, 128, 256, 500]


def compute() -> list:
    pretrain_seed(0)
    cell = {"body": str(body_folder(0)), "world": 0, "bi": [*SIZES, AT], "cross": SIZES}
    found = [bi_cross_cell(cell | {"round": k}) for k in range(ROUNDS)]  # one after the other
    return rounded([{k: v for k, v in c.items() if k != "body"} for c in found])


if __name__ == "__main__":
    picture("bi_cross", draw_bi_cross, results(__file__, compute))
