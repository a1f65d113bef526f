"""Reading a table of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mirctl.errors import DataError
from mirctl.tables.columns import refuse_repeated, require_columns
from mirctl.tables.jsonl import read_jsonl
from mirctl.tables.separated import read_separated
from mirctl.tables.source import Source, open_source

if TYPE_CHECKING:
    import pyarrow as pa


def read_table(path: Path | str | Source, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or only the named columns of it, which must be there."""
    import pyarrow as pa

    source = path if isinstance(path, Source) else open_source(path)
    readers = {"jsonl": read_jsonl, "parquet": _read_parquet}
    try:
        return readers.get(source.kind, read_separated)(source, columns)
    except (pa.ArrowException, OSError) as error:
        kind = "Parquet" if source.kind == "parquet" else source.kind.upper()
        raise DataError(f"cannot be read as {kind}: {error}", where=source.name) from error


def _read_parquet(source: Source, columns: Sequence[str] | None) -> pa.Table:
    from pyarrow import parquet

    with source.open() as stream:
        file = parquet.ParquetFile(stream)
        names = refuse_repeated(file.schema_arrow.names, source.name)
        require_columns(columns or (), names, source.name)
        table = file.read(columns=list(columns) if columns else None)
    table.validate(full=True)
    return table
