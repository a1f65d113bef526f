"""Files of sound, and films -> the samples of one channel, at the rate that an encoder hears."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirctl.encode.reading import ALLOWED, attempt
from mirctl.encode.resampling import resampled

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

WITH_AV = (".mp3", ".m4a", ".aac", ".mp4", ".mkv", ".webm", ".avi", ".mov")
"""Ends of names of the files that PyAV reads, and soundfile the others. It could read MP3, too, but
tells stderr of each bad frame."""
BLOCK = 1 << 16
SKIPPED = 8
"""So many more bad frames than good ones make a damaged sound."""
RATES = range(1000, 192_001)
MOST_CHANNELS = 64
SHORTEST = 0.05
"""Seconds: encoders look at windows of up to this."""
QUIET = 1e-4
"""Of the loudest that can be written: no sample of what is silent goes beyond, in 16 bits three."""


@dataclass(frozen=True)
class Sound:
    """Samples (n,) float32, -1 to 1, of one channel."""

    samples: np.ndarray
    cut: bool = False
    """Is it longer than what is read of it?"""


def needs(path: Path) -> str:
    """The package that reads a file."""
    return "av" if path.suffix.lower() in WITH_AV else "soundfile"


def open_sound(path: Path, sha256: bytes | None, rate: int, *, seconds: float) -> Sound | str:
    """The first `seconds` at `rate` samples a second, or the reason why there are none."""
    return attempt(partial(_read, rate=rate, seconds=seconds), path, sha256, "audio")


def _read(path: Path, rate: int, seconds: float) -> Sound | str:
    read = _of_film if needs(path) == "av" else _of_file
    found = read(path, seconds)
    if isinstance(found, str):
        return found
    blocks, own = found
    samples = np.concatenate([np.zeros(0, np.float32), *blocks])
    most = int(seconds * own)
    cut, samples = len(samples) > most, samples[:most]
    if not np.isfinite(samples).all():
        return "damaged audio"
    if len(samples) < SHORTEST * own:
        return "too short audio" if len(samples) else "empty audio"
    if np.abs(samples).max() < QUIET:
        return "silent audio"
    return Sound(resampled(samples, own, rate), cut)


def _of_file(path: Path, seconds: float) -> "tuple[list[np.ndarray], int] | str":
    """Blocks of one channel, which end a little behind `seconds`, and their rate."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        if file.samplerate not in RATES or file.channels > MOST_CHANNELS:
            return "unusual audio"
        read = partial(file.read, BLOCK, dtype="float32", always_2d=True)
        blocks = (read().mean(1) for _ in count())
        return _enough(blocks, seconds * file.samplerate), file.samplerate


def _of_film(path: Path, seconds: float) -> "tuple[list[np.ndarray], int] | str":
    import av

    with path.open("rb") as file, av.open(file, options=ALLOWED) as film:
        if not film.streams.audio:
            return "video without sound"
        stream = film.streams.audio[0]
        if stream.rate not in RATES or stream.channels > MOST_CHANNELS:
            return "unusual audio"
        even = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        frames = (part for frame in _decoded(film, stream) for part in even.resample(frame))
        blocks = (frame.to_ndarray().mean(0) for frame in frames)
        return _enough(blocks, seconds * stream.rate), stream.rate


def _decoded(film: "InputContainer", stream: "AudioStream") -> "Iterator[AudioFrame]":
    """The frames of a sound; some that are damaged are skipped, as players do."""
    from av.error import InvalidDataError

    good = bad = 0
    for packet in film.demux(stream):
        try:
            frames = packet.decode()
            good += 1
        except InvalidDataError:
            bad += 1
            if bad > good + SKIPPED:
                raise
            continue
        yield from frames


def _enough(blocks: Iterator[np.ndarray], most: float) -> list[np.ndarray]:
    """Blocks until there are more than `most` samples, or no more."""
    found, total = [], 0
    for block in blocks:
        if not len(block) or total > most:
            break
        found.append(block)
        total += len(block)
    return found
