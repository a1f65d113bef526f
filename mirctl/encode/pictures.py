"""Files -> RGB pictures; whatever cannot be read gives a reason, never an exception."""

import hashlib
import io
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
MAX_BYTES = 1 << 30
ENOUGH = 640
"""Large pictures are read at reduced size, the short side no shorter than this."""
STRIP = 20
"""A picture longer than this many times its width keeps its middle."""

Image.init()
# EPS and WMF would start other programs; rare formats are the rare way in.
_NAMES = (
    "JPEG",
    "MPO",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "TIFF",
    "AVIF",
    "JPEG2000",
    "PPM",
    "ICO",
    "TGA",
)
FORMATS = tuple(name for name in _NAMES if name in Image.OPEN)
# Damage and bombs are told by reason; once a file on stderr would be too much.
warnings.filterwarnings("ignore", module=r"PIL\.")


def open_picture(path: Path, sha256: bytes | None = None) -> Image.Image | str:
    """An upright RGB picture, or the reason why there is none.

    `sha256` is what the file was when it was listed: what it has become since is another picture.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            return "not an image"
        if path.stat().st_size > MAX_BYTES:
            return "too large image"
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).digest() != sha256:
            return "changed during the run"
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return "too large image"
            image.draft("RGB", (ENOUGH, ENOUGH))
            return usable(image)
    except FileNotFoundError:
        return "missing file"
    except PermissionError:
        return "unreadable file"
    except Image.DecompressionBombError:
        return "too large image"
    except (UnidentifiedImageError, IsADirectoryError):
        return "not an image" if not path.is_file() or path.stat().st_size else "empty file"
    except Exception:  # decoders raise nearly anything on damaged files
        return "damaged image"


def usable(image: Image.Image, side: int = ENOUGH) -> Image.Image:
    """Upright, RGB, of no extreme shape, and no larger than a short side of `side` pixels needs."""
    image.load()
    with suppress(Exception):  # damaged EXIF costs the rotation, not the picture
        image = ImageOps.exif_transpose(image)
    if (factor := min(image.size) // side) > 1 and image.mode in (
        "L",
        "LA",
        "RGB",
        "RGBA",
        "CMYK",
    ):
        image = image.reduce(factor)
    return _rgb(_without_long_ends(image))


def _without_long_ends(image: Image.Image) -> Image.Image:
    """A strip of extreme shape would be resized to gigabytes."""
    limit = STRIP * min(image.size)
    width, height = min(image.width, limit), min(image.height, limit)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel; convert() would turn most of it white
        values = np.asarray(image).astype(np.float64)
        image = Image.fromarray(
            (values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8)
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
