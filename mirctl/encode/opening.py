"""Files are opened ahead, as the encoder that waits for them wants them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from mirctl.encode.protocol import Encoder, FilmEncoder, SoundEncoder
from mirctl.encode.reading import require
from mirctl.encode.sounds import needs

Opened = TypeVar("Opened")
Opener = Callable[[Path, bytes], Opened | str]
"""A file and its sha256 -> what is in it, or the reason why nothing is."""


def require_readers(modality: str, paths: Iterable[Path]) -> None:
    """Raise a MissingError where a package that reads one of the files is not installed."""
    if modality in ("audio", "video"):
        for package in sorted({needs(path) if modality == "audio" else "av" for path in paths}):
            require(package, modality)


def opener(encoder: Encoder | SoundEncoder | FilmEncoder) -> Opener:
    """What opens the files of an encoder's modality for it."""
    if encoder.modality == "audio":
        from mirctl.encode.sounds import open_sound

        return partial(open_sound, rate=encoder.rate, seconds=encoder.seconds)
    if encoder.modality == "video":
        from mirctl.encode.films import open_film

        some = partial(open_film, count=encoder.frames)
        return partial(some, seconds=encoder.seconds, side=encoder.side)
    from mirctl.encode.pictures import open_picture

    return open_picture


def open_ahead(
    files: Iterable[tuple[Path, bytes]], ahead: int, open_file: Opener
) -> Iterator[Opened | str]:
    """Open files on threads while earlier ones are encoded; at most `ahead` wait in memory."""
    with ThreadPoolExecutor(2, thread_name_prefix="files") as pool:
        waiting = deque()
        try:
            for path, sha256 in files:
                waiting.append(pool.submit(open_file, path, sha256))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
