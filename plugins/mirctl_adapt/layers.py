"""Which cached layers of a tower the side network reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirctl import console
from mirctl.errors import UsageError, suggest
from mirctl_adapt.config import ModelConfig

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


def choose(config: ModelConfig, towers: Mapping[str, Cached]) -> dict[str, list[int]]:
    """Indexes of the kept layers for each tower; every tower aligns with the shallowest."""
    chosen = {}
    for name, tower in towers.items():
        depth = len(tower.names)
        if config.method == "frozen" or config.tuned or config.keeps == "last":
            chosen[name] = [depth - 1]
        elif config.keeps == "all":
            chosen[name] = list(range(depth))
        elif config.keeps == "every-second":
            chosen[name] = every_second(depth)
        else:
            chosen[name] = group_last(tower.layers, _groups(config, name, towers), tower.first)
    if config.method == "iisan":
        _check_symmetric(chosen, towers)
    return chosen


def check_groups(config: ModelConfig) -> None:
    """Refuse groups for a tower that the recipe does not have."""
    named = set() if isinstance(config.groups, int) else set(config.groups)
    if unknown := sorted(named - set(config.encoders)):
        hint = suggest(unknown[0], config.encoders, f"towers: {', '.join(config.encoders)}")
        raise UsageError(f"{unknown[0]!r} is no tower{hint}", where="model.groups")


def _groups(config: ModelConfig, name: str, towers: Mapping[str, Cached]) -> int:
    """As many as the recipe says, or as there are layers; what is less is told."""
    shallowest = min(tower.layers for tower in towers.values())
    if isinstance(config.groups, int):
        wanted, most = config.groups, shallowest
        why = "the shallowest tower has no more; model.groups may differ by tower"
    else:
        wanted, most = config.groups.get(name, shallowest), towers[name].layers
        why = "it has no more layers"
    if wanted > most:
        console.say(f"{name}: {most} groups of layers, not {wanted}: {why}")
    return min(wanted, most)


def _check_symmetric(chosen: Mapping[str, list[int]], towers: Mapping[str, Cached]) -> None:
    """The first IISAN wants towers of one width and depth."""
    shapes = {name: tuple(towers[name].widths[i] for i in kept) for name, kept in chosen.items()}
    if len(set(shapes.values())) > 1:
        told = "; ".join(f"{name}: {len(s)} x {max(s)}" for name, s in shapes.items())
        raise UsageError(
            f"method iisan needs towers of one depth and width ({told}): use iisan-versa",
            where="model.method",
        )
