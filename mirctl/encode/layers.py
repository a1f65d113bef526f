"""Which cached layers of a tower a side network reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mirctl import console
from mirctl.errors import UsageError, suggest

EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class Cached:
    """The cached layers of one tower, first layer first."""

    names: Sequence[str]
    """A transformer's first is "embeddings": its input, before any layer."""
    widths: Sequence[int]

    @property
    def first(self) -> int:
        """Index of the first real layer; the embeddings count where nothing else is cached."""
        return int(len(self.names) > 1 and self.names[0] == EMBEDDINGS)

    @property
    def layers(self) -> int:
        """Real layers."""
        return len(self.names) - self.first


def every_second(depth: int) -> list[int]:
    """IISAN: layers 0, 2, 4, ... and always the last; index 0 is the first cached state."""
    return sorted({*range(0, depth, 2), depth - 1})


def group_last(layers: int, groups: int, first: int = 0) -> list[int]:
    """IISAN-Versa's group layer-dropping: cut `layers` into equal groups, keep each one's last.

    Indexes count from `first`; a cut between two layers rounds half up.
    """
    return [first + (2 * layers * (k + 1) + groups) // (2 * groups) - 1 for k in range(groups)]


def keep(
    rule: str, groups: int | Mapping[str, int], towers: Mapping[str, Cached]
) -> dict[str, list[int]]:
    """Indexes of the kept layers for each tower, by "last", "all", "every-second" or "group"."""
    chosen = {}
    for name, tower in towers.items():
        depth = len(tower.names)
        if rule == "last":
            chosen[name] = [depth - 1]
        elif rule == "all":
            chosen[name] = list(range(depth))
        elif rule == "every-second":
            chosen[name] = every_second(depth)
        else:
            chosen[name] = group_last(tower.layers, _groups(groups, name, towers), tower.first)
    return chosen


def check_groups(groups: int | Mapping[str, int], names: Collection[str]) -> None:
    """Refuse groups for a tower that a recipe does not have."""
    named = set() if isinstance(groups, int) else set(groups)
    if unknown := sorted(named - set(names)):
        hint = suggest(unknown[0], names, f"towers: {', '.join(names)}")
        raise UsageError(f"{unknown[0]!r} is no tower{hint}", where="model.groups")


def _groups(groups: int | Mapping[str, int], name: str, towers: Mapping[str, Cached]) -> int:
    """As many as the recipe says, or as there are layers; what is less is told.

    One number for all towers aligns every one of them with the shallowest.
    """
    shallowest = min(tower.layers for tower in towers.values())
    if isinstance(groups, int):
        wanted, most = groups, shallowest
        why = "the shallowest tower has no more; model.groups may differ by tower"
    else:
        wanted, most = groups.get(name, shallowest), towers[name].layers
        why = "it has no more layers"
    if wanted > most:
        console.say(f"{name}: {most} groups of layers, not {wanted}: {why}")
    return min(wanted, most)
