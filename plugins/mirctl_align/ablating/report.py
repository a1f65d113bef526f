"""An ablation as tables for people, and as a table in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import console, tables
from mirctl.metrics import table
from mirctl_align.ablating.standing import ACCURACY, SHARES, Metrics, Standing

TABLE, DOCUMENT = "ablation.csv", "ablation.json"


def shown(found: Sequence[Standing], metrics: Metrics) -> str:
    """Accuracy beside text and control, then cost, then what the numbers mean."""
    whole = [s for s in found if s.contestant.share == 1]
    parts = [_quality(whole, metrics), _shares(found, metrics), _cost(whole)]
    return "\n\n".join(filter(None, [*parts, "\n".join(_notes(found))]))


def _quality(found: Sequence[Standing], metrics: Metrics) -> str:
    head = ["gaze", "accuracy [95 %]", "minus text only [95 %]", "p", "minus shuffled [95 %]", "p",
            "steps to text only"]  # fmt: skip
    lines = []
    for s in found:
        if not s.trials:
            lines.append([s.name, "failed", *[""] * 5])
            continue
        own = {key.removeprefix(f"{s.name}."): m for key, m in metrics.items()
               if key.startswith(f"{s.name}.")}  # fmt: skip
        beside = [
            cell
            for label in ("text", "shuffled")
            for cell in (_ranged(own.get(f"{ACCURACY}-{label}"), sign=True),
                         _p(own.get(f"mcnemar-{label}")))
        ]  # fmt: skip
        lines.append([s.name, _ranged(own[ACCURACY]), *beside, _steps(own.get("steps_to_text"))])
    return console.table(head, lines)


def _ranged(entry: dict[str, Any] | None, *, sign: bool = False) -> str:
    if entry is None:
        return ""
    plus = "+" if sign else ""
    value, low, high = (f"{entry[key]:{plus}.3f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _p(entry: dict[str, Any] | None) -> str:
    return "" if entry is None else f"{entry['value']:.2g}"


def _steps(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return ""
    shown = "never" if entry["value"] is None else f"{entry['value']:,.0f}"
    return f"{shown} ({entry['reached']} of {entry['n']})"


def _shares(found: Sequence[Standing], metrics: Metrics) -> str:
    """Accuracy by how much there is to learn from."""
    shares = sorted({s.contestant.share for s in found})
    if len(shares) == 1:
        return ""
    whole = [s for s in found if s.contestant.share == 1 and not s.contestant.shuffled]
    lines = []
    for s in whole:
        cells = []
        for share in shares:
            name = s.name if share == 1 else f"{s.name}/{share:g}"
            entry = metrics.get(f"{name}.{ACCURACY}")
            cells.append("failed" if entry is None else f"{entry['value']:.3f}")
        least = metrics.get(f"{s.name}.{SHARES}", {}).get("value")
        lines.append([s.name, *cells, "none" if least is None else f"{least:.0%}"])
    head = [f"{share:.0%} of the pairs" for share in shares]
    return console.table(["gaze", *head, "as good as text only with all"], lines)


def _cost(found: Sequence[Standing]) -> str:
    told = ("step_seconds", "epoch_seconds", "trainable_parameters", "memory_bytes", "cpu_seconds")
    head = ["gaze", "s/step", "s/epoch", "trainable", "memory", "CPU s"]
    return console.table(head, [[s.name, *(s.cost.text(key) for key in told)] for s in found])


def _notes(found: Sequence[Standing]) -> list[str]:
    pairs = sum(n for s in found for _, n in s.shorter)
    wins = sum(value * n for s in found for value, n in s.shorter) / max(pairs, 1)
    seeds = max((len({seed for seed, _ in s.trials}) for s in found), default=0)
    over = f"pairs and {console.counted(seeds, 'seed')}"
    return [
        f"Accuracy: means over {over}; intervals are bootstraps over prompts, differences over the",
        "same pairs, p is by McNemar's exact test, not corrected for the number of rows.",
        "shuffled: a control, with the gaze of other texts.",
        f'"The shorter text is better" is right in {wins:.3f} of these pairs.',
    ]


def write(folder: Path, found: Sequence[Standing], metrics: Metrics) -> None:
    """ablation.csv: a row a contestant, and a column an end of each interval."""
    told = {
        s.name: {
            "gaze": s.name, "inject": s.contestant.inject, "generator": s.contestant.generator,
            "model": s.contestant.model, "shuffled": s.contestant.shuffled,
            "share": s.contestant.share,
        }
        for s in found
    }  # fmt: skip
    tables.write_rows(folder / TABLE, table.by_name(told, metrics))
