"""F0: the cone of sentence vectors opens: a still of three states, and a film of one seed."""

from typing import Any

from common import FOLDER, on_bodies, results, run_grid

from npft.experiments.bodies import STEPS
from npft.experiments.opening import opening_cell
from npft.plots import draw_cone, draw_film, save_figure, save_film

STILL = {"columns": 3, "width": 4.44, "height": 7.49}  # 16:9
# The steps at which a frame is taken: many where much happens.
PRETRAIN = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 140, 170, 200, 250, 300, 400, 500, 650,
            800, 1000, 1300, 1600, 2000, 2400, STEPS]  # fmt: skip
CONTRAST = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 50, 60, 80, 100, 150,
            200, 250, 300]  # fmt: skip
SAME = ("topics", "named", "said")  # in all frames of a seed


def compute() -> list:
    cells = on_bodies([{"pretrain": [], "contrast": CONTRAST[-1:]}])
    cells[0] |= {"pretrain": PRETRAIN, "contrast": CONTRAST}
    found = run_grid(__file__, opening_cell, cells)
    for i, cell in enumerate(found):
        cell |= {k: cell["frames"][0][k] for k in SAME}
        for frame in cell["frames"]:
            for k in (*SAME, *(("angle", "around") if i else ())):  # one seed is drawn
                del frame[k]
    return found


def frames(cell: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame | {k: cell[k] for k in SAME} for frame in cell["frames"]]


if __name__ == "__main__":
    films = [frames(cell) for cell in results(__file__, compute)]
    # the last frame of each phase
    states = [{frame["phase"]: frame for frame in film} for film in films]
    cones = {phase: [state[phase] for state in states] for phase in states[0]}
    save_figure(FOLDER / "cone.png", draw_cone, cones, **STILL)
    save_figure(FOLDER / "cone.svg", draw_cone, cones, **STILL)
    save_film(FOLDER / "cone.gif", draw_film, films[0], width=9.6, height=5.4)
