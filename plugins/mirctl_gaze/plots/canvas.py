"""A stimulus to draw on: its picture, or its words, in its own pixels."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np

from mirctl import console, files
from mirctl.errors import DataError, MissingError, UsageError
from mirctl_gaze.boxes import Boxes
from mirctl_gaze.schema import Screen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

INK, SOFT, FADED, PALE = "#1d232b", "#5b6470", "#98a1ab", "#d7dce2"
WIDTH = 9.6
"""Inches; a picture as high as wide is as high as that."""
DPI = 120
MARGIN = 0.06
MANY = 10_000
"""Fixations that stand in an SVG as a picture: each by itself makes it too large to open."""
FORBIDDEN = re.compile(b"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
"""Letters, in UTF-8, that no XML may hold."""
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mirctl",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "agg.path.chunksize": 10_000,  # a longer line in one go is more than it can draw
    "axes.edgecolor": PALE,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Canvas:
    """What lies under the gaze, and the part of the plane that is shown."""

    left: float
    top: float
    right: float
    bottom: float
    picture: np.ndarray | None = None
    """(height, width, 3) bytes; it fills the screen."""
    words: Boxes | None = None

    @classmethod
    def of(
        cls, screen: Screen | None, image: Path | None, words: Boxes | None, points: np.ndarray
    ) -> Canvas:
        """The screen as told, else the picture's size, else as far as words and points go."""
        picture = None if image is None else _read(image)
        if picture is not None and screen is None:
            screen = Screen(picture.shape[1], picture.shape[0])
        if screen is not None:
            return cls(0, 0, screen.width, screen.height, picture, words)
        corners = np.empty((0, 4)) if words is None else words.corners
        x = np.concatenate([points[0], corners[:, 0], corners[:, 2]])
        y = np.concatenate([points[1], corners[:, 1], corners[:, 3]])
        edge = MARGIN * max(np.ptp(x), np.ptp(y), 100)
        return cls(x.min() - edge, y.min() - edge, x.max() + edge, y.max() + edge, None, words)

    @property
    def bare(self) -> bool:
        """Whether nothing lies under the gaze."""
        return self.picture is None and self.words is None

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def outside(self, points: np.ndarray) -> int:
        """How many points (2, n) are not seen."""
        x, y = points
        off = (x < self.left) | (x > self.right) | (y < self.top) | (y > self.bottom)
        return int(off.sum())


def _read(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    with files.unreadable_is(DataError, path):
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except UnidentifiedImageError as error:
            raise DataError("is no picture that can be read", where=str(path)) from error
        except Image.DecompressionBombError as error:
            raise DataError("is too large a picture to draw on", where=str(path)) from error


def check(out: Path, *, force: bool) -> None:
    """Refuse what cannot be drawn or written, before any work."""
    from importlib.util import find_spec

    if out.suffix not in (".svg", ".png"):
        raise UsageError("end its name in .svg or .png", where=str(out))
    files.refuse_to_overwrite(out, force=force, marker=None)
    if find_spec("matplotlib") is None:
        raise MissingError("pictures need matplotlib: pip install 'mirctl[gaze]'")


@contextmanager
def drawing(canvas: Canvas, out: Path, title: str) -> Iterator[Axes]:
    """Axes in the canvas' pixels, y down; the picture is written when the block ends well."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scale = WIDTH / max(canvas.width, canvas.height)
        size = canvas.width * scale + 1.1, canvas.height * scale + 0.6
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.set_xlim(canvas.left, canvas.right)
        axes.set_ylim(canvas.bottom, canvas.top)
        axes.set_aspect("equal")
        axes.tick_params(length=2, labelsize=7)
        axes.spines[:].set_zorder(6)
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        _background(axes, canvas)
        yield axes
        content = io.BytesIO()
        kind = out.suffix[1:]
        # no date: the same gaze makes the same file
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
    missing = {str(w.message).partition(" (")[0] for w in told if "Glyph" in str(w.message)}
    if missing and kind == "png":
        console.warn(f"no font here has {len(missing)} of the letters: install one, or write .svg")
    drawn = content.getvalue()
    files.write_bytes(out, FORBIDDEN.sub("\ufffd".encode(), drawn) if kind == "svg" else drawn)


def colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> None:
    """Beside the stimulus, and as high."""
    bar = axes.figure.colorbar(colours, cax=axes.inset_axes((1.015, 0, 0.018, 1)))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=7)
    bar.set_label(label, fontsize=8)


def _background(axes: Axes, canvas: Canvas) -> None:
    if canvas.picture is not None:
        extent = (canvas.left, canvas.right, canvas.bottom, canvas.top)
        axes.imshow(canvas.picture, extent=extent, aspect="equal", zorder=0)
    if canvas.words is not None:
        colours = ["none"] * len(canvas.words.names)
        draw_words(axes, canvas, canvas.words, colours, ink=FADED)


def draw_words(
    axes: Axes, canvas: Canvas, words: Boxes, colours: Sequence[Any], ink: str = INK
) -> None:
    """Each word in its box, which is filled with its colour."""
    from matplotlib.patches import Rectangle

    points = 72 * WIDTH / max(canvas.width, canvas.height)
    for name, (left, top, right, bottom), colour in zip(
        words.names, words.corners, colours, strict=True
    ):
        box = Rectangle(
            (left, top), right - left, bottom - top, facecolor=colour, edgecolor=PALE,
            linewidth=0.5, zorder=1,
        )  # fmt: skip
        axes.add_patch(box)
        size = min(0.62 * (bottom - top), (right - left) / max(_ems(name), 0.62)) * points
        axes.text(
            (left + right) / 2, (top + bottom) / 2, name, ha="center", va="center",
            fontsize=max(size, 1.0), color=ink, zorder=2, clip_on=True,
        )  # fmt: skip


def _ems(text: str) -> float:
    """How wide a text is, in sizes of its letters."""
    return sum(1.0 if east_asian_width(letter) in "WF" else 0.62 for letter in text)
