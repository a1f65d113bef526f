"""Open a table as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mirctl.tables.stream import Stream
from mirctl.tables.stream_ends import open_input


def open_stream(
    path: Path | str, names: Sequence[str] | None = None, *, otherwise: Sequence[str] | None = None
) -> Stream:
    """A table in blocks of rows; `-` is stdin, read as it comes, and once.

    With `names`, the table has no header and these are its columns; so with those of `otherwise`,
    but where the format names its columns itself.
    """
    source = open_input(path)
    if source.kind == "parquet":
        from mirctl.tables.stream_parquet import ParquetStream

        return ParquetStream(source, names)
    if source.kind == "jsonl":
        from mirctl.tables.stream_jsonl import JsonlStream

        return JsonlStream(source, names)
    from mirctl.tables.stream_separated import SeparatedStream

    return SeparatedStream(source, otherwise if names is None else names)
