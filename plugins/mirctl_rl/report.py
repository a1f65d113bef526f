"""What people read: tables of 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mirctl import console
from mirctl_rl.evaluation import MEASURES
from mirctl_rl.policies import NAMES

Entry = Mapping[str, Any]


def names() -> list[str]:
    """What `rl/eval` measures: of the policy by its plain name, of each reference under its own."""
    return [*MEASURES, *(f"{name}.{measure}" for name in NAMES for measure in MEASURES)]


def simulator_names() -> list[str]:
    """What `rl/simulate` measures."""
    return [
        "fit.*",
        "ranks.changed",
        *(f"{name}.{measure}" for name in NAMES for measure in MEASURES),
    ]


def flat(found: Mapping[str, Mapping[str, Entry]]) -> dict[str, dict[str, Any]]:
    """Policy -> measure -> entry, as one level."""
    return {f"{name}.{m}": dict(entry) for name, own in found.items() for m, entry in own.items()}


def policies(found: Mapping[str, Mapping[str, Entry]]) -> str:
    """A row a policy: what it earns with its interval, and how."""
    columns = ["policy", "cumulative [95 %]", "average", "length"]
    rest = ["coverage", "diversity", "novelty", "observed", "observed_average"]
    rows = [
        [name, _interval(own["cumulative"]), _figure(own["average"], 3), _figure(own["length"], 1),
         *(_figure(own[measure], 1 if measure == "novelty" else 2) for measure in rest)]
        for name, own in found.items()
    ]  # fmt: skip
    heads = [*columns, "cover", "divers", "novel", "seen", "of seen"]
    return console.table(heads, rows)


def _interval(entry: Entry) -> str:
    return f"{entry['value']:.2f} [{entry['low']:.2f}, {entry['high']:.2f}]"


def _figure(entry: Entry, digits: int) -> str:
    return "-" if entry["value"] is None else f"{entry['value']:.{digits}f}"


def legend() -> str:
    """What the columns of `policies` are."""
    return (
        "cover: share of the catalogue; divers: neighbours unlike; novel: bits; seen: share of\n"
        "shown pairs that the log holds, and the average reward of those alone"
    )


def ranking(found: Mapping[str, Mapping[str, Entry]]) -> list[str]:
    """The policies, the one that earns most first."""
    return sorted(found, key=lambda name: -found[name]["cumulative"]["value"])


def rules(orders: Sequence[tuple[int, int, list[str]]], base: list[str]) -> str:
    """Window, threshold and the policies' order under each quit rule."""
    rows = []
    for window, threshold, order in orders:
        rows.append([f"{window}, {threshold}", "same" if order == base else " > ".join(order)])
    return console.table(["window, threshold", "order by cumulative reward"], rows, left=(0, 1))
