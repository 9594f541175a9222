"""LoRA and adapters in the plane of repairs, beside full, last block and head. Five seeds."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.beside import beside_cell, beside_cells, beside_table
from npft.experiments.repairs import TASKS
from npft.plots import draw_beside


def compute() -> list:
    return run_grid(__file__, beside_cell, on_bodies(beside_cells()))


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(beside_table(cells))
    print("switched off:", {cell["off"] for cell in cells if cell["regime"] in ("lora", "adapter")})
    picture("lora", draw_beside, cells, TASKS, columns=2)
