"""Films -> some of their pictures, evenly over their length."""

from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl.encode.pictures import MAX_PIXELS, usable
from mirctl.errors import MissingError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from PIL.Image import Image

# Playlists and the like would make the decoder open other files, and addresses.
ALLOWED = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi",
    "protocol_whitelist": "file",
}


def require() -> None:
    """Raise a MissingError where nothing can read films."""
    if find_spec("av") is None:
        raise MissingError("films are read with PyAV: pip install 'mirctl[video]'")


def open_film(path: Path, sha256: bytes, count: int) -> "list[Image] | str":
    """`count` upright RGB pictures, each from the middle of its part of the film, or the reason why
    there are none."""
    import av

    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            return "not a video"
        with path.open("rb") as file, av.open(file, options=ALLOWED) as film:
            if not film.streams.video:
                return "video without pictures"
            return [_upright(frame) for frame in _frames(film, count)]
    except FileNotFoundError:
        return "missing file"
    except PermissionError:
        return "unreadable file"
    except Exception:  # decoders raise nearly anything on damaged files
        return "damaged video"


def _frames(film: "InputContainer", count: int) -> "Iterator[VideoFrame]":
    """What is seen in the middle of each of `count` equal parts."""
    stream = film.streams.video[0]
    if stream.width * stream.height > MAX_PIXELS:
        raise ValueError("too large")
    first = (stream.start_time or 0) * stream.time_base
    length = stream.duration * stream.time_base if stream.duration else _length(film) - first
    for part in range(count):
        yield _seen_at(film, first + length * Fraction(2 * part + 1, 2 * count))


def _length(film: "InputContainer") -> Fraction:
    """Seconds, where only the whole film tells."""
    if film.duration:
        return Fraction(film.duration, 1_000_000)
    stream = film.streams.video[0]
    return max(frame.pts for frame in film.decode(stream)) * stream.time_base


def _seen_at(film: "InputContainer", second: Fraction) -> "VideoFrame":
    stream = film.streams.video[0]
    film.seek(int(second / stream.time_base), stream=stream)
    seen = None
    for frame in film.decode(stream):
        if seen is not None and frame.pts * stream.time_base > second:
            break
        seen = frame
    if seen is None:
        raise ValueError("no picture")
    return seen


def _upright(frame: "VideoFrame") -> "Image":
    picture = frame.to_image()
    return usable(picture.rotate(frame.rotation, expand=True) if frame.rotation else picture)
