"""Parts of one table, put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from mirctl.errors import DataError
from mirctl.tables.source import EmptyError
from mirctl.tables.stream import Block, Stream
from mirctl.tables.stream_opening import open_stream

ROWS = 4096


def join(paths: Sequence[Path], target: Path | str) -> int:
    """Write the rows of tables one after the other, as they are and under one header; give how
    many. What differs in its format or its columns is refused; rows of JSONL name their own.
    """
    streams = [stream for path in paths if (stream := _opened(path)) is not None]
    if not streams:
        raise EmptyError("is empty, as are all parts", where=str(paths[0]))
    parts = [stream.blocks(ROWS) for stream in streams]
    place, head = next(_heads(parts), (0, None))
    first = streams[place]
    for stream in streams:
        _refuse_other(stream, first)
    if head is not None:  # a pipe gives it once
        parts[place] = chain([head], parts[place])
    count = 0
    with first.writer(target) as writer:
        for block in chain.from_iterable(parts):
            writer.write(block)
            count += len(block)
        if first.kind != "parquet":
            first.blanks.tail = streams[-1].blanks.tail
    return count


def _heads(parts: Sequence[Iterator[Block]]) -> Iterator[tuple[int, Block]]:
    """The place and the first rows of each part that has rows."""
    for place, blocks in enumerate(parts):
        if (head := next(blocks, None)) is not None:
            yield place, head


def _opened(path: Path) -> Stream | None:
    """A part that has no rows, and in JSONL so no byte, is a part all the same."""
    try:
        return open_stream(path)
    except EmptyError:
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            raise
        return None


def _refuse_other(stream: Stream, first: Stream) -> None:
    if stream.kind != first.kind:
        told = f"is {stream.kind}, and {first.name} is {first.kind}: parts have one format"
        raise DataError(told, where=stream.name)
    if stream.kind == "jsonl":
        return
    if stream.columns != first.columns:
        here, there = (", ".join(s.columns)[:200] for s in (stream, first))
        raise DataError(f"has columns {here}; {first.name} has {there}", where=stream.name)
    for name, kind in stream.types.items():
        if kind != first.types[name]:
            told = f"column {name!r} is {kind}, and in {first.name} {first.types[name]}"
            raise DataError(told, where=stream.name)
