"""What a run would see in its data: loaded as a run loads it, counted, with examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from mirctl import console
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.data.config import Columns, DataConfig
from mirctl.errors import UsageError

EXAMPLES = 5
LEAST = 3
"""Two targets and a history."""
QUANTILES = {"shortest": 0.0, "median": 0.5, "9 of 10 below": 0.9, "longest": 1.0}


def config_from(
    interactions: Path | None, items: Path | None, images: Path | None, microlens: Path | None,
    columns: Sequence[str], *, drop_unknown: bool,
) -> DataConfig:  # fmt: skip
    """The same settings that a recipe's `data` holds, from a command line."""
    pairs = [column.partition("=") for column in columns]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise UsageError(f"--column {wrong[0]!r}: write it as in item=sku")
    if unknown := [name for name, _, _ in pairs if name not in Columns.model_fields]:
        known = ", ".join(Columns.model_fields)
        raise UsageError(f"--column {unknown[0]!r}: there is {known}")
    settings = {
        "interactions": interactions,
        "items": items,
        "images": images,
        "microlens": microlens,
        "columns": {name: None if value == "null" else value for name, _, value in pairs},
        "unknown_items": "drop" if drop_unknown else "error",
    }
    try:
        return DataConfig(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "data"
        raise UsageError(first["msg"].removeprefix("Value error, "), where=key) from error


def config_in(name: str) -> DataConfig:
    """The `data` of a recipe."""
    from mirctl import jobs

    _, config = jobs.prepare(name, [], jobs.Options())
    data = getattr(config, "data", None)
    if not isinstance(data, DataConfig):
        raise UsageError(f"{config.uses} reads no interactions and items", where=name)
    return data


def check(config: DataConfig, *, deep: bool = False) -> dict[str, Any]:
    """Load what `config` names and describe it; what would stop a run is raised as in a run."""
    catalogue = load_catalogue(config, seed=0)
    counts = np.bincount(catalogue.interactions.user)
    if counts.max() < LEAST:
        console.warn(
            f"no user has {LEAST} interactions: leave-one-out has nothing to measure, and a run "
            "that evaluates so would stop"
        )
    table = catalogue.items.table
    if config.items and catalogue.items.title_column not in table.column_names:
        console.warn(
            f"the items have no column {catalogue.items.title_column!r}, which a text encoder "
            f"reads: set columns.title to one of {', '.join(table.column_names)}"
        )
    report = {**catalogue.report, **_shape(catalogue), "examples": _examples(catalogue)}
    if deep:
        broken = _unreadable([path for path in catalogue.items.images if path])
        report["unreadable_images"] = len(broken)
        report["examples"]["unreadable images"] = broken[:EXAMPLES]
    return report


def _shape(catalogue: Catalogue) -> dict[str, Any]:
    offsets, _ = catalogue.interactions.sequences()
    lengths = np.diff(offsets)
    cells = len(lengths) * len(catalogue.items.ids)
    quantiles = {
        name: int(np.quantile(lengths, share, method="lower")) for name, share in QUANTILES.items()
    }
    total = int(lengths.sum())
    tied = catalogue.report["tied"] / total
    return {"density": total / cells, "history_length": quantiles, "tied_share": tied}


def _examples(catalogue: Catalogue) -> dict[str, list[str]]:
    """Some ids behind each count that may surprise."""
    items, interactions = catalogue.items, catalogue.interactions
    seen = np.bincount(interactions.item, minlength=len(items.ids))
    lengths = np.bincount(interactions.user, minlength=len(interactions.users))
    return {
        "users with one interaction": _some(interactions.users, lengths == 1),
        "items without interactions": _some(items.ids, seen == 0),
        "items without text": _some(items.ids, [title is None for title in items.titles]),
        "items without image": _some(items.ids, [path is None for path in items.images]),
        "images not found": list(items.lost_images[:EXAMPLES]),
    }


def _some(ids: Sequence[str], chosen: Sequence[bool] | np.ndarray) -> list[str]:
    return [ids[place] for place in np.flatnonzero(chosen)[:EXAMPLES]]


def _unreadable(paths: list[Path]) -> list[str]:
    """Names of the pictures that an encoder could not read, each with the reason."""
    from mirctl.encode.pictures import open_picture

    broken = []
    with console.progress("reading pictures", len(paths), "pictures") as advance:
        for path in paths:
            found = open_picture(path)
            if isinstance(found, str):
                broken.append(f"{path.name} ({found})")
            advance(1)
    return broken


def lines(report: dict[str, Any]) -> list[str]:
    """A report as people read it."""
    counts = {key: value for key, value in report.items() if isinstance(value, int | float)}
    rows = [[key.replace("_", " "), _figure(value)] for key, value in counts.items()]
    rows += [
        [f"history, {name}", _figure(value)] for name, value in report["history_length"].items()
    ]
    shown = [console.table(["", "count"], rows)]
    for what, ids in report["examples"].items():
        if ids:
            shown.append(f"{what}, such as: {', '.join(ids)}")
    return shown


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
