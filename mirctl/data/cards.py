"""Title cards: a picture of a film's title and year in the colours of its genres."""

from __future__ import annotations

import colorsys
import unicodedata
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

SIZE = 224
MARGIN = 16
BOX = (SIZE - 2 * MARGIN, 126)
"""Room for the title: width, height."""

HUES = {
    "Film-Noir": (0.62, 0.08), "Animation": (0.13, 0.85), "Children's": (0.42, 0.65),
    "Western": (0.08, 0.60), "Horror": (0.99, 0.75), "Sci-Fi": (0.52, 0.80),
    "Fantasy": (0.80, 0.60), "Musical": (0.90, 0.65), "War": (0.22, 0.35),
    "Documentary": (0.58, 0.15), "Mystery": (0.72, 0.55), "Romance": (0.95, 0.50),
    "Crime": (0.66, 0.40), "Adventure": (0.34, 0.60), "Thriller": (0.60, 0.65),
    "Action": (0.05, 0.85), "Comedy": (0.10, 0.75), "Drama": (0.75, 0.30),
}  # fmt: skip
"""Genre -> hue and saturation, the rarer genre first: it says more about the film."""

OTHER = (0.0, 0.0)


def draw(path: Path, title: str, year: str, genres: list[str]) -> None:
    """Write one card, 224 x 224 pixels, as JPEG."""
    from PIL import ImageDraw

    colours = _colours(tuple(genres))
    card = _background(*colours).copy()
    brush = ImageDraw.Draw(card, "RGBA")
    _decorate(brush, zlib.crc32(title.encode()), colours[0])
    _write_title(brush, plain(natural(title)))
    named = [genre for genre in HUES if genre in genres][:2]
    _write_foot(brush, year, " / ".join(named))
    card.save(path, quality=88)


def natural(title: str) -> str:
    """A title as it is said: the article comes first, a note in brackets is left out."""
    head = title.partition(" (")[0].strip() or title
    name, comma, article = head.rpartition(", ")
    articles = ("The", "A", "An", "La", "Le", "Les", "Il", "Das", "Der", "Die", "El", "L'", "Lo")
    if comma and article in articles:
        return f"{article}{'' if article.endswith(chr(39)) else ' '}{name}"
    return head


def plain(text: str) -> str:
    """Letters without their accents: the typeface that Pillow brings has ASCII only."""
    marked = unicodedata.normalize("NFKD", text)
    return marked.encode("ascii", "ignore").decode().strip()


def _colours(genres: tuple[str, ...]) -> tuple[tuple[float, float], tuple[float, float]]:
    known = [HUES[name] for name in HUES if name in genres] or [OTHER]
    return known[0], known[1 % len(known)]


def _rgb(colour: tuple[float, float], value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(*colour, value)
    return round(red * 255), round(green * 255), round(blue * 255)


@cache
def _background(top: tuple[float, float], bottom: tuple[float, float]) -> Image.Image:
    """From one colour down to the other, darker one."""
    from PIL import Image

    mask = Image.linear_gradient("L").resize((SIZE, SIZE))
    upper = Image.new("RGB", (SIZE, SIZE), _rgb(top, 0.62))
    lower = Image.new("RGB", (SIZE, SIZE), _rgb(bottom, 0.26))
    return Image.composite(lower, upper, mask)


def _decorate(brush: ImageDraw.ImageDraw, number: int, colour: tuple[float, float]) -> None:
    """Two discs and a beam of light, placed by the title, so that no two cards are alike."""
    light = (*_rgb(colour, 1.0), 46)
    for turn in range(2):
        part = number >> (turn * 16)
        x, y, radius = part % 240 - 8, part // 7 % 240 - 8, 36 + part % 53
        brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=light)
    edge = number % 160
    brush.polygon(
        [(edge, 0), (edge + 46, 0), (edge - 30, SIZE), (edge - 110, SIZE)], (255, 255, 255, 20)
    )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _write_title(brush: ImageDraw.ImageDraw, title: str) -> None:
    """In the largest size whose lines fit the box."""
    for size in (38, 34, 30, 26, 23, 20, 18, 16, 14):
        lines = wrap(title, _font(size), BOX[0])
        step = round(size * 1.16)
        if lines and step * len(lines) <= BOX[1]:
            break
    else:
        lines = _broken(title, 22)[: BOX[1] // step]
    y = MARGIN + 4
    for line in lines:
        brush.text((MARGIN + 1, y + 2), line, font=_font(size), fill=(0, 0, 0, 110))
        brush.text((MARGIN, y), line, font=_font(size), fill="white", stroke_width=size / 50)
        y += step


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Whole words in lines of at most `width` pixels; nothing where a word is wider."""
    lines: list[str] = []
    for word in text.split():
        if font.getlength(word) > width:
            return []
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _broken(text: str, letters: int) -> list[str]:
    return [text[start : start + letters] for start in range(0, len(text), letters)]


def _write_foot(brush: ImageDraw.ImageDraw, year: str, genres: str) -> None:
    """Year and genres under a line."""
    line = SIZE - 66
    brush.line((MARGIN, line, SIZE - MARGIN, line), fill=(255, 255, 255, 150), width=2)
    brush.text(
        (MARGIN, line + 7), year, font=_font(28), fill=(255, 255, 255, 235), stroke_width=0.4
    )
    brush.text((MARGIN, SIZE - 26), genres, font=_font(14), fill=(255, 255, 255, 215))
