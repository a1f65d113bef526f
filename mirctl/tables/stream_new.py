"""Tables that are made row by row, and streams that change their format on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from mirctl.errors import DataError, UsageError
from mirctl.tables.columns import refuse_repeated
from mirctl.tables.source import at_row
from mirctl.tables.stream import Block, Cells, Filled, NewTable, Stream, Writer, patched
from mirctl.tables.stream_ends import goes_through, kind_of_target
from mirctl.yaml12 import is_unicode


def new_table(
    target: Path | str, columns: Sequence[str], types: Mapping[str, str], kind: str = "csv", *,
    header: bool = True,
) -> AbstractContextManager[NewTable]:  # fmt: skip
    """A table that takes rows as cells of text; its format by the suffix, in a pipe `kind`.

    `types` are as in `Stream.types`: typed formats hold what the text stands for. CSV and TSV may
    go without a header.
    """
    kind = kind if goes_through(target) else kind_of_target(target)
    refuse_repeated(list(columns), str(target))
    if kind == "parquet":
        from mirctl.tables.stream_parquet import new_parquet as new
    elif kind == "jsonl":
        from mirctl.tables.stream_jsonl import new_jsonl as new
    else:
        from mirctl.tables.stream_separated import new_separated

        return new_separated(target, columns, kind, header=header)
    return new(target, columns, types, kind)


class ToAnyFormat:
    """How a stream is written: in its own format, or in the one that the target's suffix names."""

    has_header = True

    def writer(
        self, target: Path | str, *, before: Sequence[str] = (), after: Sequence[str] = (),
        types: Mapping[str, str] = {},
    ) -> AbstractContextManager[Writer]:  # fmt: skip
        """See `Stream.writer`."""
        refuse_repeated([*before, *self.columns, *after], self.name)
        plain = goes_through(target) or not Path(target).suffix
        kind = self.kind if plain else kind_of_target(target)
        if kind == self.kind:
            return self.own_writer(target, before, after, types)
        return _converted(self, target, before, after, types, kind)


@contextmanager
def _converted(
    stream: Stream, target: Path | str, before: Sequence[str], after: Sequence[str],
    types: Mapping[str, str], kind: str,
) -> Iterator[Writer]:  # fmt: skip
    """Write a stream's rows in another format, where that can hold them."""
    for name, held in stream.types.items():
        if held == "opaque":
            raise UsageError(
                f"column {name!r} is nested or binary, which only {stream.kind} can keep: "
                f"write .{stream.kind}",
                where=str(target),
            )
        if not is_unicode(name):
            raise UsageError(
                f"column {name!a} holds half of a character, which only {stream.kind} can keep: "
                f"write .{stream.kind}",
                where=str(target),
            )
    columns = [*before, *stream.columns, *after]
    held = {**stream.types, **types, **{n: t for n, t in stream.types.items() if t != "null"}}
    with new_table(target, columns, held, kind, header=stream.has_header) as table:
        yield _Converter(stream, table)


class _Converter:
    def __init__(self, stream: Stream, table: NewTable) -> None:
        self.stream, self.table = stream, table

    def write(self, block: Block, filled: Filled = {}, added: Cells = {}) -> None:
        for key in getattr(block.raw, "unseen", ()):
            raise DataError(
                f"a row has the key {key!r}, which no row had at first: write .{self.stream.kind}",
                where=at_row(self.stream.name, block.first),
            )
        own = {name: patched(block.cells[name], filled.get(name, {})) for name in block.cells}
        self.table.write({**added, **own})
