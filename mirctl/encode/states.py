"""The cache of hidden states: a catalogue goes through a frozen encoder once.

States are kept by the content of the item, so ten new items cost ten encodings, and equal items
one. What is done is committed every half minute: an interrupted run continues where it stopped,
with the same batches.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from mirctl import console
from mirctl.artifact.tensors import open_tensors
from mirctl.console import counted
from mirctl.encode import content
from mirctl.encode.content import Contents, RawItem
from mirctl.encode.opening import open_ahead, opener, require_readers
from mirctl.encode.parallel import AT_ONCE
from mirctl.encode.protocol import Encoder, Item, choose
from mirctl.encode.segments import Segments, gather
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import RunError, UsageError

OTHER_SHARD = "in another shard"
COMMIT_ROWS = 8192
COMMIT_SECONDS = 30.0
T = TypeVar("T")
LARGEST = float(torch.finfo(torch.float16).max)


@dataclass
class States:
    """The states of one tower over one catalogue, memory-mapped."""

    widths: tuple[int, ...]
    layers: tuple[str, ...]
    rows: np.ndarray
    """(items,) int64; -1 where an item has no states."""
    blocks: Sequence[Tensor]
    """Each (rows, sum of widths) fp16; the rows count through them in order."""
    absent: dict[str, list[int]]
    """Reason -> numbers of the items that have no states because of it."""
    calls: int = 0
    """Items that were really encoded for this."""
    content: str = ""
    """sha256 over what the items are, in order."""
    weights: str = ""
    """sha256 of the frozen model's files."""
    parameters: int | None = None
    """Of the frozen model; None where its encoder does not tell."""
    seconds: float | None = None
    """What encoding these items once takes, at the pace at which the cache was filled."""
    origin: object = None
    """Where the blocks lie: the cache keeps them as long as it lives."""

    @classmethod
    def from_files(
        cls,
        paths: Sequence[Path],
        rows: np.ndarray,
        widths: Sequence[int],
        layers: Sequence[str] = (),
    ) -> Self:
        """Over files whose tensors `states*` (rows, sum of widths) fp16 were written elsewhere."""
        files = [open_tensors(path) for path in paths]
        blocks = [
            file[name] for file in files for name in sorted(file) if name.startswith("states")
        ]
        names = tuple(layers) or tuple(str(n) for n in range(len(widths)))
        lacking = np.flatnonzero(rows < 0).tolist()
        return cls(tuple(widths), names, rows, blocks, {"no states": lacking} if lacking else {})

    def present(self) -> np.ndarray:
        """(items,) bool."""
        return self.rows >= 0

    @property
    def distinct(self) -> int:
        """Items that differ, of those that have states."""
        return len(np.unique(self.rows[self.present()]))

    def gather(self, items: np.ndarray) -> Tensor:
        """Item numbers (n,) -> (n, sum of widths) fp16, zeros where absent."""
        if not self.blocks:
            return torch.zeros(len(items), sum(self.widths), dtype=torch.float16)
        return gather(self.blocks, self.rows[items])


class Source(Protocol):
    """An encoder that is only loaded when something has to be encoded."""

    @property
    def key(self) -> str: ...

    @property
    def weights(self) -> str: ...

    @property
    def settings(self) -> EncoderSettings: ...

    def load(self, device: torch.device) -> Encoder: ...


def encode_items(
    settings: EncoderSettings,
    items: Sequence[RawItem],
    *,
    device: torch.device,
    dtype: torch.dtype,
    shard: tuple[int, int] | None = None,
) -> States:
    """The states of a catalogue, encoding what the cache lacks.

    `shard` (index, count), index from 0, encodes only every count-th item; of the others it takes
    what is there.
    """
    return encode_with(choose(settings, dtype), items, device=device, shard=shard)


def encode_with(
    source: Source,
    items: Sequence[RawItem],
    *,
    device: torch.device,
    shard: tuple[int, int] | None = None,
) -> States:
    """The same for an encoder that is already chosen."""
    contents = content.read(items, source.settings.modality)
    segments = Segments(source.key, f"{source.settings.modality} states of {source.settings.model}")
    mine = _mine(len(items), shard)
    lacking = _lacking(contents, segments, mine)
    work = _Work(source, segments, device)
    if lacking.size or "parameters" not in segments.meta:
        work.run(items, contents.keys, lacking)
        segments.compact()
    return _states(contents, work, mine)


def _mine(count: int, shard: tuple[int, int] | None) -> np.ndarray:
    """(items,) bool: which items this shard encodes."""
    if shard is None:
        return np.ones(count, bool)
    index, of = shard
    if not 0 <= index < of:
        raise UsageError(f"shard {index} of {of}: the first is 0, the last {of - 1}")
    return np.arange(count) % of == index


def _lacking(contents: Contents, segments: Segments, mine: np.ndarray) -> np.ndarray:
    """The first item of every content that has to be encoded, in catalogue order."""
    wanted = np.flatnonzero(contents.present & mine)
    wanted = wanted[segments.find(contents.keys[wanted]) < 0]
    _, first = np.unique(contents.keys[wanted], axis=0, return_index=True)
    return wanted[np.sort(first)]


def _states(contents: Contents, work: "_Work", mine: np.ndarray) -> States:
    segments = work.segments
    rows = np.where(contents.present, segments.find(contents.keys), -1)
    absent: dict[str, list[int]] = {}
    for n, reason in contents.reasons.items():
        absent.setdefault(reason, []).append(n)
    for n in np.flatnonzero(contents.present & (rows < 0)):
        reason = work.unreadable.get(contents.keys[n].tobytes())
        if reason is None and mine[n]:
            raise RunError("cached states vanished while they were in use: run again")
        absent.setdefault(reason or OTHER_SHARD, []).append(int(n))
    meta = segments.meta
    states = States(
        tuple(meta["widths"]),
        tuple(meta["layers"]),
        rows.astype(np.int64),
        segments.blocks,
        absent,
        work.calls,
        contents.digest,
        work.source.weights,
        meta.get("parameters"),
        origin=segments,
    )
    if meta.get("encoded"):
        states.seconds = meta["seconds"] / meta["encoded"] * states.distinct
    return states


class _Work:
    """Encodes what is lacking and commits it now and then."""

    def __init__(self, source: Source, segments: Segments, device: torch.device) -> None:
        self.source, self.segments, self.device = source, segments, device
        self.unreadable: dict[bytes, str] = {}
        self.calls = self.clamped = self.cut = 0
        self.waiting: list[tuple[np.ndarray, Tensor]] = []
        self.committed = time.monotonic()

    def run(self, items: Sequence[RawItem], keys: np.ndarray, lacking: np.ndarray) -> None:
        """Encode the items numbered `lacking`."""
        modality = self.source.settings.modality
        require_readers(modality, (Path(str(items[n])) for n in lacking))
        encoder = self.source.load(self.device)
        self.meta = {
            "widths": list(encoder.widths),
            "layers": list(encoder.layers),
            "parameters": getattr(encoder, "parameters", None),
        }
        self.committed = time.monotonic()
        label = f"encoding with {self.source.settings.model}"
        try:
            with console.progress(label, len(lacking)) as advance:
                for numbers, batch in self._batches(encoder, items, keys, lacking, advance):
                    self._take(keys[numbers], encoder.encode(batch))
                    advance(len(batch))
        except (KeyboardInterrupt, RuntimeError):
            self._commit()
            raise
        self._commit()
        if "parameters" not in self.segments.meta:  # nothing to encode, or nothing readable
            self.segments.describe(self.meta)
        if self.clamped:
            values = counted(self.clamped, "value")
            model = self.source.settings.model
            console.warn(f"clamped to fp16's {LARGEST:.0f}: {values} of {model}")
        if self.cut:
            many = counted(self.cut, "sound" if modality == "audio" else "film")
            longer = f"{many} {'is' if self.cut == 1 else 'are'} longer than {encoder.seconds:g} s"
            console.say(f"{longer}, and read up to there: by `seconds`, or the model takes no more")

    def _batches(
        self,
        encoder: Encoder,
        items: Sequence[RawItem],
        keys: np.ndarray,
        lacking: np.ndarray,
        advance: Callable[[int], None],
    ) -> Iterator[tuple[np.ndarray, list[Item]]]:
        """Batches in a fixed order, so that the rest of an interrupted run has the same ones."""
        together = encoder.batch_size * AT_ONCE
        if encoder.modality == "text":
            order = sorted(lacking, key=lambda n: (-len(str(items[n])), keys[n].tobytes()))
            for some in _chunks(order, together):
                yield np.array(some), [str(items[n]) for n in some]
            return
        paths = ((Path(str(items[n])), keys[n].tobytes()) for n in lacking)
        found = open_ahead(paths, together, opener(encoder))
        for some in _chunks(self._readable(found, keys, lacking, advance), together):
            yield np.array([n for n, _ in some]), [item for _, item in some]

    def _readable(
        self,
        found: Iterable[Item],
        keys: np.ndarray,
        lacking: np.ndarray,
        advance: Callable[[int], None],
    ) -> Iterator[tuple[int, Item]]:
        for n, item in zip(lacking, found, strict=True):
            if isinstance(item, str):
                self.unreadable[keys[n].tobytes()] = item
                advance(1)
            else:
                self.cut += getattr(item, "cut", False)
                yield n, item

    def _take(self, keys: np.ndarray, states: Tensor) -> None:
        """Keep states (n, width) float32 as fp16 until the next commit."""
        if states.isnan().any():
            todo = "run it with --precision fp32"
            raise RunError(f"{self.source.settings.model} gives states that are no numbers: {todo}")
        self.clamped += int((states.abs() > LARGEST).sum())
        self.calls += len(states)
        self.waiting.append((keys, states.clamp(-LARGEST, LARGEST).half()))
        full = sum(len(keys) for keys, _ in self.waiting) >= COMMIT_ROWS
        if full or time.monotonic() - self.committed > COMMIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        if self.waiting:
            keys, states = zip(*self.waiting, strict=True)
            self.waiting = []
            seconds = time.monotonic() - self.committed
            self.segments.add(np.concatenate(keys), torch.cat(states), self.meta, seconds)
        self.committed = time.monotonic()


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    chunk: list[T] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
