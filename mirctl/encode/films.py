"""Films -> some of their pictures, evenly over their length."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl.encode.pictures import ENOUGH, MAX_PIXELS, usable
from mirctl.encode.reading import ALLOWED, attempt

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image

JUMP = 3
"""Seconds that are rather skipped than decoded."""


@dataclass(frozen=True)
class Film:
    """Upright RGB pictures, each from the middle of its part of what is read of a film."""

    pictures: "list[Image]"
    cut: bool = False
    """Is it longer than what is read of it?"""


def open_film(
    path: Path, sha256: bytes | None, count: int, *, seconds: float = inf, side: int = ENOUGH
) -> Film | str:
    """`count` pictures of the first `seconds`, or the reason why there are none. The short side of
    large ones is reduced, though not below `side`."""
    read = partial(_read, count=count, seconds=seconds, side=side)
    return attempt(read, path, sha256, "video")


def _read(path: Path, count: int, seconds: float, side: int) -> Film | str:
    import av

    with path.open("rb") as file, av.open(file, options=ALLOWED) as film:
        if not film.streams.video:
            return "video without pictures"
        stream = film.streams.video[0]
        if stream.width * stream.height > MAX_PIXELS:
            return "too large video"
        first = (stream.start_time or 0) * stream.time_base
        length = _length(film, stream, first)
    if length is None:
        length = _counted(path, first, seconds)
    read = min(length, seconds)
    times = [first + Fraction(read) * Fraction(2 * n + 1, 2 * count) for n in range(count)]
    with path.open("rb") as file, av.open(file, options=ALLOWED) as film:
        pictures = [_upright(frame, side) for frame in _seen(film, first, times)]
    return Film(pictures, length > seconds)


def _length(film: "InputContainer", stream: "VideoStream", first: Fraction) -> Fraction | None:
    """Seconds, as the head of the file tells; None where it does not."""
    if stream.duration:
        return stream.duration * stream.time_base
    return Fraction(film.duration, 1_000_000) - first if film.duration else None


def _counted(path: Path, first: Fraction, seconds: float) -> Fraction:
    """Seconds, where only the whole film tells; beyond the limit it is not looked at."""
    import av

    end = first
    with path.open("rb") as file, av.open(file, options=ALLOWED) as film:
        stream = film.streams.video[0]
        for packet in film.demux(stream):
            if packet.pts is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * stream.time_base)
            if end - first > seconds:
                break
    return end - first


def _seen(
    film: "InputContainer", first: Fraction, times: "list[Fraction]"
) -> "Iterator[VideoFrame]":
    """What is seen at each of the times, which rise: the last picture that was shown by then."""
    stream = film.streams.video[0]
    stream.thread_type = "AUTO"
    frames = _timed(film, stream)
    seen, coming = None, next(frames, None)
    for time in times:
        if coming is not None and time - coming.pts * stream.time_base > JUMP:
            film.seek(int(time / stream.time_base), stream=stream)
            frames = _timed(film, stream)
            seen, coming = None, next(frames, None)
        while coming is not None and (seen is None or coming.pts * stream.time_base <= time):
            seen, coming = coming, next(frames, None)
        if seen is None:
            raise ValueError("no picture")
        yield seen


def _timed(film: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame]":
    return (frame for frame in film.decode(stream) if frame.pts is not None)


def _upright(frame: "VideoFrame", side: int) -> "Image":
    picture = frame.to_image()
    return usable(picture.rotate(frame.rotation, expand=True) if frame.rotation else picture, side)
