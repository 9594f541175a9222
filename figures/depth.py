"""How deep to fine-tune: F1 and forgetting by depth. The bundled body, five seeds."""


from common import SEEDS, picture, results

from npft.experiments.bodies import DOCUMENTS
from npft.experiments.depth import TASKS, depth_cells, depth_table
from npft.experiments.repairs import forgetting_cell
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_depth


def compute() -> list:
    cells = depth_cells(str(folder_of("tinyworld")), 0, DOCUMENTS, SEEDS)
    return [{k: v for k, v in cell.items() if k != "body"} for cell in sweep(forgetting_cell, cells)]


if __name__ == "__main__":
    cells = results(__file__, compute)
    for task in TASKS:
        for depth, row in depth_table(cells, task).items():
            f1, rise = row["f1"], row["rise"]
            print(f"{task:9} {depth:12} F1 {f1.mean():.3f} ± {f1.std(ddof=1):.3f}  "
                  f"rise {rise.mean():6.3f} ± {rise.std(ddof=1):.3f}")
    picture("depth", draw_depth, cells, columns=2)
