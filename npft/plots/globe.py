"""The unit sphere as a globe whose pole is the mean direction of the vectors.

A straight (orthographic) projection, seen from a little above the equator: angles to the pole are
read from the circles of latitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TILT = np.radians(22)  # how far above the equator the eye is
CHANCE = 1.96  # standard deviations: 95 % of a normal distribution


def projected(angle: Any, around: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a point of the sphere is drawn: x, y, and how near it is to the eye (below 0: behind).

    angle: to the pole; around: the place around it; in degrees.

    >>> x, y, near = projected(90, 90)  # on the equator, in the middle of the far side
    >>> round(float(x), 9), bool(y > 0), bool(near < 0)
    (0.0, True, True)
    """
    a, b = np.radians(angle), np.radians(around)
    side, back, up = np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)
    y = back * np.sin(TILT) + up * np.cos(TILT)
    return side, y, up * np.sin(TILT) - back * np.cos(TILT)


def chance_band(dims: int) -> tuple[float, float]:
    """Between which angles to a given direction 95 % of random directions lie, in degrees.

    Their cosine to it has mean 0 and standard deviation 1 / sqrt(D), and is nearly normal.

    >>> low, high = chance_band(64)
    >>> round(low), round(high)
    (76, 104)
    """
    half = float(np.degrees(np.arcsin(CHANCE / np.sqrt(dims))))
    return 90 - half, 90 + half


def draw_globe(ax: Any, dims: int) -> None:
    """An empty globe: its outline, the latitudes of 30, 60 and 90 degrees, and the band of chance.

    dims: of the space whose random directions the band holds.
    """
    from matplotlib.patches import Circle

    ax.set_aspect("equal")
    ax.axis("off")
    ax.add_patch(Circle((0, 0), 1, fc="#FBFBFB", ec="none", zorder=0))
    _draw_band(ax, *chance_band(dims))
    around = np.linspace(0, 360, 361)
    for latitude in (30, 60, 90):
        x, y, near = projected(latitude, around)
        for hidden, style in ((near >= 0, ":"), (near < 0, "-")):
            ax.plot(np.where(hidden, np.nan, x), y, color="#8C8C8C", lw=0.9, ls=style, zorder=2)
    ax.add_patch(Circle((0, 0), 1, fc="none", ec="#555555", lw=1.3, zorder=2))


def _draw_band(ax: Any, low: float, high: float) -> None:
    """All of the sphere between two latitudes, in small tiles, the far ones first."""
    from matplotlib.collections import PolyCollection

    edges = np.linspace(0, 360, 181)
    corners = [projected(angle, edges) for angle in (low, high)]
    (x0, y0, near0), (x1, y1, near1) = corners
    tiles = np.stack(
        [np.stack([x[k], y[k]], axis=-1)
         for x, y, k in ((x0, y0, slice(0, -1)), (x0, y0, slice(1, None)),
                         (x1, y1, slice(1, None)), (x1, y1, slice(0, -1)))],
        axis=1,
    )  # (tiles, corners, 2)
    far = (near0 + near1)[:-1] < 0
    for chosen, color in ((far, "#F1F1F1"), (~far, "#E4E4E4")):
        ax.add_collection(PolyCollection(tiles[chosen], fc=color, ec=color, lw=0.4, zorder=1))


def draw_open_cone(ax: Any, angle: float, color: str) -> None:
    """A cone from the centre of the globe around its pole: ``angle`` degrees from axis to rim."""
    from scipy.spatial import ConvexHull

    x, y, _ = projected(angle, np.linspace(0, 360, 181))
    outline = np.vstack([[0, 0], np.stack([x, y], axis=1)])
    hull = outline[ConvexHull(outline).vertices]
    ax.fill(*hull.T, fc=color, alpha=0.16, ec="none", zorder=3)
    ax.fill(x, y, fc=color, alpha=0.10, ec="none", zorder=3)  # the mouth
    ax.plot(x, y, color=color, lw=2.2, zorder=6)


def draw_vectors(
    ax: Any, angle: Any, around: Any, colors: list[str], size: float = 14.0
) -> None:
    """Unit vectors: a thin ray from the centre to each, and a dot, paler on the far side."""
    from matplotlib.collections import LineCollection

    x, y, near = projected(angle, around)
    rays = [[(0, 0), (a, b)] for a, b in zip(x, y)]
    ax.add_collection(LineCollection(rays, colors=colors, lw=0.5, alpha=0.22, zorder=4))
    shade = np.where(near < 0, 0.35, 0.9)
    order = np.argsort(near)
    ax.scatter(
        x[order], y[order], s=size, c=[colors[i] for i in order], alpha=shade[order], lw=0, zorder=5
    )


def limb(latitude: float) -> tuple[float, float]:
    """Where a circle of latitude meets the right edge of the globe, or comes nearest to it.

    >>> [round(z, 6) for z in limb(90)]
    [1.0, 0.0]
    """
    x, y, _ = projected(latitude, np.linspace(0, 360, 361))
    k = int(np.argmax(np.hypot(x, y) * (x > 0)))
    return float(x[k]), float(y[k])
