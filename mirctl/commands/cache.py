"""List, measure, verify and prune what mirctl keeps so as not to compute or fetch it again."""

import math
import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from mirctl import console
from mirctl.console import counted
from mirctl.errors import UsageError
from mirctl.options import Json

if TYPE_CHECKING:
    from mirctl.cache import Damage, Entry, Usage

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
BYTES |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@app.callback()
def cache() -> None: ...


@app.command("ls")
def list_entries(json: Json = False) -> None:
    """List every entry with its size and last use."""
    from mirctl import cache

    items = cache.usage()[::-1]
    if json:
        found = [_facts(item) for item in items]
        total = sum(item.size for item in items)
        console.document({"root": cache.root(), "bytes": total, "entries": found})
        return
    console.say(f"{cache.root()}: {console.size_text(sum(item.size for item in items))}")
    if items:
        rows = [[_name(i), console.size_text(i.size), _ago(i.used), i.entry.what] for i in items]
        console.emit(console.table(["entry", "size", "last use", "what"], rows, left=(0, 3)))


@app.command("du")
def sizes(json: Json = False) -> None:
    """Show how much each section takes, and all of it together."""
    from mirctl import cache

    totals: dict[str, list[int]] = {}
    for item in cache.usage():
        total = totals.setdefault(item.entry.section, [0, 0])
        total[0] += 1
        total[1] += item.size
    everything = sum(size for _, size in totals.values())
    if json:
        found = [{"section": s, "entries": n, "bytes": b} for s, (n, b) in totals.items()]
        console.document({"root": cache.root(), "bytes": everything, "sections": found})
        return
    console.say(f"{cache.root()}: {console.size_text(everything)}")
    rows = [[name, str(n), console.size_text(b)] for name, (n, b) in sorted(totals.items())]
    if rows:
        console.emit(console.table(["section", "entries", "size"], rows))


@app.command()
def verify(
    fix: Annotated[bool, typer.Option("--fix", help="Remove damaged entries.")] = False,
    json: Json = False,
) -> None:
    """Compare every byte with what was recorded; exit 4 if damage is found and left."""
    from mirctl import cache

    damage = cache.verify(fix=fix)
    left = [item for item in damage if not item.removed]
    message = "; ".join(_damage(item) for item in left)
    error = {"code": 4, "message": message, "where": str(cache.root())} if left else None
    if json:
        found = [{**_place(d.entry), "files": d.names, "removed": d.removed} for d in damage]
        console.document({"damaged": found, **({"error": error} if error else {})})
    elif not damage:
        console.emit("the cache is whole")
    for item in damage:
        (console.say if item.removed else console.error)(_damage(item))
    if left:
        raise typer.Exit(4)


@app.command()
def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Unused that long: 30d, 12h.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="Keep at most: 10GB, 500MB.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every entry not in use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    json: Json = False,
) -> None:
    """Remove entries, least recently used first; without options only unfinished ones."""
    from mirctl import cache

    limit = None if max_size is None else _quantity(max_size, BYTES, "--max-size", "10GB")
    age = None if older_than is None else _quantity(older_than, SECONDS, "--older-than", "30d")
    removed = cache.prune(0 if everything else limit, age, dry_run=dry_run)
    total = sum(item.size for item in removed)
    if json:
        found = [_facts(item) for item in removed]
        console.document({"dry_run": dry_run, "bytes": total, "removed": found})
        return
    for item in removed:
        console.emit(f"{_name(item)}  {console.size_text(item.size)}  {item.entry.what}".rstrip())
    verb = "would be removed" if dry_run else "removed"
    console.say(f"{counted(len(removed), 'entry', 'entries')}, {console.size_text(total)} {verb}")


def _quantity(text: str, units: dict[str, int], option: str, example: str) -> int:
    """`10GB` or `30d` in bytes or seconds."""
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    names = {name.lower(): factor for name, factor in units.items()}
    factor = names.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise UsageError(
            f"{text!r} is not understood: write a number and a unit, as in {example}", where=option
        )
    return math.ceil(float(match[1]) * factor)


def _facts(item: "Usage") -> dict[str, object]:
    return {**_place(item.entry), "bytes": item.size, "last_use": _stamp(item.used)}


def _place(entry: "Entry") -> dict[str, object]:
    return {"section": entry.section, "key": entry.key, "what": entry.what}


def _damage(item: "Damage") -> str:
    fate = " (entry removed)" if item.removed else ""
    return f"{item.entry.section}/{item.entry.key}: damaged: {', '.join(item.names)}{fate}"


def _name(item: "Usage") -> str:
    """Keys that are digests are cut for people; --json has them whole."""
    key = item.entry.key
    return (
        f"{item.entry.section}/{key[:12]}..." if len(key) == 64 else f"{item.entry.section}/{key}"
    )


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _ago(seconds: float) -> str:
    return f"{console.duration(max(time.time() - seconds, 0))} ago"
