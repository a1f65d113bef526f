"""Writing a table takes long, and may be stopped: what is true of the result then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mirctl import console
from mirctl.console import counted
from mirctl.errors import Interrupted
from mirctl.tables import goes_through


@contextmanager
def progress(label: str, total: int, target: Path | str) -> Iterator[Callable[[int], None]]:
    """Show how many rows are written; Ctrl-C becomes an Interrupted that says what there is of
    them, once the target is closed.
    """
    written = 0

    def advance(rows: int) -> None:
        nonlocal written
        written += rows
        shown(rows)

    try:
        with console.progress(label, total, "rows") as shown:
            yield advance
    except KeyboardInterrupt as error:
        if goes_through(target):
            where = "stdout" if str(target) == "-" else str(target)
            left = f"the table is not whole: it ends after {counted(written, 'row')}"
        else:
            where, left = str(target), "nothing is written, and a file that was there is as it was"
        raise Interrupted(f"stopped, {left}", where=where) from error
