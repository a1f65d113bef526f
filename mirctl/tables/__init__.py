"""Tables in CSV, TSV, JSONL and Parquet: from a file or stdin, to a file or stdout.

CSV and TSV give text only: nothing is guessed into a number, so the id "007" stays "007". Rows are
counted from 1, a header not included.
"""

from mirctl.tables.columns import require_columns
from mirctl.tables.joining import join
from mirctl.tables.jsonl import json_rows, json_value
from mirctl.tables.reading import read_table
from mirctl.tables.separated import read_text
from mirctl.tables.source import EmptyError, Source, at_row, open_source, stdin_lines
from mirctl.tables.stream import Block, Stream
from mirctl.tables.stream_ends import goes_through
from mirctl.tables.stream_new import new_table
from mirctl.tables.stream_opening import open_stream
from mirctl.tables.writing import write_rows, write_table

__all__ = [
    "Block",
    "EmptyError",
    "Source",
    "Stream",
    "at_row",
    "goes_through",
    "join",
    "json_rows",
    "json_value",
    "new_table",
    "open_source",
    "open_stream",
    "read_table",
    "read_text",
    "require_columns",
    "stdin_lines",
    "write_rows",
    "write_table",
]
