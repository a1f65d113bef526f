"""What `recommend` and `embed` do: rows in, rows out."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mirctl import console, device, files, tables
from mirctl.artifact import write_tensors
from mirctl.console import counted
from mirctl.data.items import load_items
from mirctl.encode.towers import ITEM_BLOCK
from mirctl.errors import DataError, UsageError
from mirctl.sequences.evaluation import block_of_users
from mirctl.sequences.histories import pack
from mirctl.shards import WHOLE, Shard
from mirctl_adapt import recommender
from mirctl_adapt.recommender import Filter, Saved

LINES_AT_ONCE = 256
COLUMNS = ("user_id", "rank", "item_id", "title", "score")


@dataclass(frozen=True)
class Asked:
    """For whom: exactly one of stdin, users, everyone, or a part of them, or a history."""

    stdin: str | None
    users: tuple[str, ...]
    everyone: bool
    history: str | None
    shard: Shard = WHOLE

    def check(self) -> None:
        ways = [self.stdin is not None, bool(self.users), self.everyone, self.history is not None]
        if sum(ways) != 1:
            raise UsageError("say for whom, in one way: --user, --all, --history, or - for stdin")
        if self.stdin not in (None, "-"):
            raise UsageError(f"{self.stdin!r} is not understood: - reads histories from stdin")
        if self.shard.of > 1 and not self.everyone:
            raise UsageError("--shard is a part of the users of the data: it goes with --all")


def recommend(
    folder: Path,
    asked: Asked,
    k: int,
    allow: Path | None,
    deny: Path | None,
    out: str,
    place: str | None,
    precision: str | None = None,
    items: Path | None = None,
    images: Path | None = None,
    *,
    force: bool,
    json: bool,
) -> None:
    """Write the recommendations of an artifact to a file or stdout; `json`: as one document.

    `items`, a table, takes the place of the catalogue that the artifact was trained on.
    """
    asked.check()
    if out != "-":
        files.refuse_to_overwrite(Path(out), force=force, marker=None)
    on = device.choose(place or "cpu")
    saved = recommender.load(folder, on)
    if images is not None and items is None:
        raise UsageError("--images are those of --items: name their table, too")
    if items is not None:
        now = load_items(items, saved.config.data.columns, images)
        if "image" in saved.config.model.encoders and not any(now.images):
            raise UsageError("this model reads pictures: name their folder with --images")
        saved = recommender.with_items(saved, now, on, precision or saved.config.precision)
    keep = Filter.read(saved, allow, deny)
    told: Counter[str] = Counter()
    rows = _rows(saved, asked, k, keep, told)
    if json and out == "-":
        console.document({"recommendations": list(rows)})
    else:
        # Rows on a terminal are progress enough.
        count = tables.write_rows(out, rows if out == "-" else _with_progress(rows), COLUMNS)
        if json:
            console.document({"out": out, "rows": count})
        elif out != "-":
            console.say(f"{counted(count, 'row')} -> {out}")
    _tell(told, saved, k)


def _tell(told: Counter[str], saved: Saved, k: int) -> None:
    if told["unknown"]:
        count = counted(told["unknown"], "item")
        console.warn(f"left out, since not in the catalogue: {count} of the histories")
    if told["empty"]:
        get = "what is popular" if saved.popularity.any() else "the first of the table, all new"
        console.warn(f"without a known item, so given {get}: {counted(told['empty'], 'user')}")
    if told["short"]:
        few = len(saved.item_ids) < k
        left = "the others are in the history, or kept out by --allow or --deny"
        why = f"there are {len(saved.item_ids)}" if few else left
        items = counted(k, "item")
        console.warn(f"fewer than {items} for {counted(told['short'], 'user')}: {why}")


def _with_progress(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with console.progress("recommending", 0, "rows") as advance:
        for row in rows:
            advance(1)
            yield row


def _rows(
    saved: Saved, asked: Asked, k: int, keep: Filter, told: Counter[str]
) -> Iterator[dict[str, Any]]:
    if asked.stdin is not None:
        if sys.stdin.isatty():
            console.say('type lines like {"user_id": "x", "history": ["a", "b"]}; Ctrl-D ends them')
        return _rows_of_lines(saved, tables.stdin_lines(), k, keep, told)
    if asked.history is not None:
        whole = asked.history in saved.item_index  # an id may hold commas
        parts = [asked.history] if whole else asked.history.split(",")
        names = [name if name in saved.item_index else name.strip() for name in parts]
        history = recommender.history_of(saved, [name for name in names if name], "--history")
        return recommender.recommend(saved, [""], pack([history]), k, keep, told)
    chosen = recommender.user_rows(saved, None if asked.everyone else asked.users)
    if not saved.histories.lengths.any():
        todo = "keep what they took in the table, or name new items with --history"
        raise DataError(f"holds no item of any user's history: {todo}", where="--items")
    mine = asked.shard.rows(len(chosen), block_of_users(len(saved.item_ids)))
    chosen = chosen[mine.start : mine.stop]
    users = [saved.user_ids[row] for row in chosen]
    return recommender.recommend(saved, users, saved.histories.of(chosen), k, keep, told)


def _rows_of_lines(
    saved: Saved, lines: Iterable[bytes], k: int, keep: Filter, told: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Stream: each line is ["a", "b"] or {"user_id": "x", "history": ["a", "b"]}."""
    numbered = ((n, line) for n, line in enumerate(lines, start=1) if line.strip())
    for block in _blocks(numbered, LINES_AT_ONCE):
        parsed = [_parse(saved, line, number, told) for number, line in block]
        users, histories = zip(*parsed, strict=True)
        yield from recommender.recommend(saved, users, pack(histories), k, keep, told)


def _blocks(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    block: list[Any] = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _parse(saved: Saved, line: bytes, number: int, told: Counter[str]) -> tuple[str, list[int]]:
    """(user, item indexes) of one line; unknown items are counted."""
    where = f"stdin, line {number}"
    value = tables.json_value(line, where)
    user, history = str(number), value
    if isinstance(value, dict):
        name = value.get("user_id", value.get(saved.config.data.columns.user, number))
        user, history = str(name), value.get("history")
    if not isinstance(history, list) or not all(isinstance(i, str | int) for i in history):
        raise DataError('write ["a", "b"] or {"user_id": "x", "history": ["a", "b"]}', where=where)
    if any("\ud800" <= letter <= "\udfff" for letter in user):
        raise DataError(f"user_id {user!a} holds half a character", where=where)
    known = [saved.item_index[str(i)] for i in history if str(i) in saved.item_index]
    told["unknown"] += len(history) - len(known)
    return user, known


def embed(
    folder: Path,
    table: Path,
    images: Path | None,
    out: Path,
    device_name: str | None,
    precision: str | None,
    shard: Shard = WHOLE,
    *,
    force: bool,
) -> dict[str, Any]:
    """Embed the items of a table, or of a part of it, by their content and write them."""
    files.refuse_to_overwrite(out, force=force, marker=None)
    if out.suffix not in (".parquet", ".safetensors"):
        raise UsageError("--out must end in .parquet or .safetensors", where=str(out))
    place = device.choose(device_name or "auto")
    saved = recommender.load(folder, place)
    config = saved.config
    if not config.model.encoders:
        raise UsageError(
            f"method {config.model.method!r} knows items by id alone: nothing to embed"
        )
    items = load_items(table, config.data.columns, images)
    mine = shard.rows(len(items.ids), ITEM_BLOCK)
    items = items.part(mine.start, mine.stop)
    embeddings = recommender.embed(saved, items, place, precision or config.precision).cpu()
    if out.suffix == ".safetensors":
        write_tensors(out, {"embeddings": embeddings}, {"item_ids": items.ids})
    else:
        _write_parquet(out, items.ids, embeddings.numpy())
    new = sum(name not in saved.item_index for name in items.ids)
    return {"out": str(out), "items": len(items.ids), "new": new}


def _write_parquet(out: Path, ids: list[str], embeddings: np.ndarray) -> None:
    flat = pa.array(embeddings.ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1])
    with files.atomic_file(out) as file:
        pq.write_table(pa.table({"item_id": pa.array(ids, pa.string()), "embedding": column}), file)


def show_embedded(report: dict[str, Any], *, json: bool) -> None:
    """One document, or a line for people."""
    if json:
        console.document(report)
    else:
        console.say(f"{counted(report['items'], 'item')}, {report['new']} new -> {report['out']}")
