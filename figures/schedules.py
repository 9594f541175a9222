"""What ULMFiT changes on the way, drawn from the formulas: nothing is measured."""


from common import picture

from npft.finetune.rates import RATIO
from npft.plots import draw_schedules

STEPS, EPOCHS = 400, 8

if __name__ == "__main__":
    picture("schedules", draw_schedules, STEPS, RATIO, EPOCHS, columns=3
    )
