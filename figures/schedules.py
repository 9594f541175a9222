"""What ULMFiT changes on the way, drawn from the formulas: nothing is measured."""

from pathlib import Path

from npft.finetune.rates import RATIO
from npft.plots import draw_schedules, save_figure

STEPS, EPOCHS = 400, 8

if __name__ == "__main__":
    save_figure(
        Path(__file__).with_suffix(".png"), draw_schedules, STEPS, RATIO, EPOCHS, columns=3
    )
