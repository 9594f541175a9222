"""F2: what context is worth. Masked-word loss of five pretraining runs, beside two guesses."""


from common import SEEDS, picture, pretrain_seed, results

from npft import History
from npft.experiments.bodies import VOCAB_SIZE
from npft.experiments.sweep import sweep
from npft.plots import draw_mlm


def compute() -> list:
    return sweep(pretrain_seed, list(SEEDS))


if __name__ == "__main__":
    runs = [History(rows) for rows in results(__file__, compute)]
    picture("mlm_training", draw_mlm, runs, VOCAB_SIZE)
