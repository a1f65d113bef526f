"""Files -> captions: what is not known yet goes through the model, batch by batch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mirctl import cache, console
from mirctl import device as devices
from mirctl.cache.kept import Kept
from mirctl.encode import content
from mirctl.encode.films import Film, open_film
from mirctl.encode.opening import open_ahead
from mirctl.encode.parallel import AT_ONCE
from mirctl.encode.pictures import open_picture
from mirctl_adapt.captioning.captioner import Captioner, Source

if TYPE_CHECKING:
    from PIL.Image import Image

NOTHING = "the model wrote nothing"
REFUSED = "a shape that the model does not take"
Captions = tuple[list[str | None], dict[int, str]]
"""Of each file, and why those that have none have none."""
Advance = Callable[[int], None]


class Work:
    """A model that is only loaded when there is something to caption."""

    def __init__(
        self, source: Source, kept: Kept, known: cache.Hashes, device: torch.device
    ) -> None:
        self.source, self.kept, self.known, self.device = source, kept, known, device
        self.captioner: Captioner | None = None
        self.unreadable: dict[bytes, str] = {}
        self.written = 0
        """Captions that were not known before."""

    def captions(self, paths: Sequence[Path | None], advance: Advance) -> Captions:
        """Of some items; equal files are looked at once."""
        keys = [content.file_key(path, self.known, self.modality) for path in paths]
        known = self.kept.find([key for key in keys if isinstance(key, bytes)])
        lacking: dict[bytes, Path] = {}
        for key, path in zip(keys, paths, strict=True):
            if isinstance(key, bytes) and key not in known and key not in self.unreadable:
                lacking.setdefault(key, path)
        advance(len(paths) - len(lacking))
        for written in self._write(lacking, advance):
            known |= written
        reasons = {n: why for n, key in enumerate(keys) if (why := self._why_none(key, known))}
        found = [None if n in reasons else known[key].decode() for n, key in enumerate(keys)]
        return found, reasons

    def _why_none(self, key: bytes | str, known: Mapping[bytes, bytes]) -> str | None:
        if isinstance(key, str):
            return key
        return self.unreadable.get(key) or (None if known[key] else NOTHING)

    @property
    def films(self) -> bool:
        return self.source.films

    @property
    def modality(self) -> str:
        return "video" if self.films else "image"

    def _write(
        self, lacking: Mapping[bytes, Path], advance: Advance
    ) -> Iterator[dict[bytes, bytes]]:
        """The captions of each batch, once they are kept."""
        for batch in self._readable(lacking, advance):
            if self.captioner is None:
                on = devices.describe(self.device, self.source.dtype)
                console.say(f"captions by {self.source.settings.model} on {on}")
                self.captioner = self.source.load(self.device)
            texts = self.captioner.write([pictures for _, pictures in batch])
            told = dict(zip((key for key, _ in batch), texts, strict=True))
            written = {key: text.encode() for key, text in told.items() if text is not None}
            self.unreadable |= dict.fromkeys(told.keys() - written.keys(), REFUSED)
            self.kept.add(written)
            self.written += len(written)
            advance(len(batch))
            yield written

    def _readable(
        self, lacking: Mapping[bytes, Path], advance: Advance
    ) -> "Iterator[list[tuple[bytes, list[Image]]]]":
        """Batches of what can be opened; of pictures some together, which differ in shape."""
        size = self.source.settings.batch_size * (1 if self.films else AT_ONCE)
        open_file = partial(open_film, count=self.source.frames) if self.films else open_picture
        files = ((path, key) for key, path in lacking.items())
        batch: list[tuple[bytes, list[Image]]] = []
        for key, opened in zip(lacking, open_ahead(files, size, open_file), strict=True):
            if isinstance(opened, str):
                self.unreadable[key] = opened
                advance(1)
                continue
            batch.append((key, opened.pictures if isinstance(opened, Film) else [opened]))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch
