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


COLUMNS = {
    "average": ("avg", 3), "length": ("len", 1), "coverage": ("cov", 2), "diversity": ("div", 2),
    "novelty": ("nov", 1), "observed": ("seen", 2), "observed_average": ("own", 2),
}  # fmt: skip
"""Measure -> its heading, and how many digits it has."""


def policies(found: Mapping[str, Mapping[str, Entry]]) -> str:
    """A row a policy: what it earns with its interval, and how."""
    rows = [
        [name, _interval(own["cumulative"]), *(_figure(own[m], n) for m, (_, n) in COLUMNS.items())]
        for name, own in found.items()
    ]
    heads = [heading for heading, _ in COLUMNS.values()]
    return console.table(["policy", "cumulative [95 %]", *heads], rows)


def _interval(entry: Entry) -> str:
    return f"{entry['value']:.2f} [{entry['low']:.2f},{entry['high']:.2f}]"


def _figure(entry: Entry, digits: int) -> str:
    return "-" if entry["value"] is None else f"{entry['value']:.{digits}f}"


def legend() -> str:
    """What the columns of `policies` are."""
    return (
        "cumulative: reward an episode; avg: reward an item; len: items an episode; cov:\n"
        "share of the catalogue; div: neighbours unlike; nov: bits; seen: share of shown\n"
        "pairs that the log holds; own: the average reward of those alone"
    )


def ranking(found: Mapping[str, Mapping[str, Entry]]) -> list[str]:
    """The policies, the one that earns most first."""
    return sorted(found, key=lambda name: -found[name]["cumulative"]["value"])


def rules(orders: Sequence[tuple[int, int, list[str]]], base: list[str]) -> str:
    """The policies' order by cumulative reward under other quit rules (window, threshold)."""
    rows = [
        [f"{threshold} of {window}", "the same" if order == base else " > ".join(order)]
        for window, threshold, order in orders
    ]
    return console.table(["quit rule", "order by cumulative reward"], rows, left=(0, 1))
