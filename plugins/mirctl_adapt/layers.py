"""Which cached layers of a tower the side network reads."""

from collections.abc import Mapping, Sequence

from mirctl.errors import UsageError
from mirctl_adapt.config import ModelConfig


def every_second(depth: int) -> list[int]:
    """IISAN: layers 0, 2, 4, ... and always the last; index 0 is the first cached state."""
    return sorted({*range(0, depth, 2), depth - 1})


def group_last(depth: int, groups: int) -> list[int]:
    """IISAN-Versa's group layer-dropping: cut the layers into equal groups, keep each one's last.

    Index 0 (the embeddings, before any layer) belongs to no group, unless nothing else is cached.
    """
    layers = max(depth - 1, 1)
    first = depth - layers
    return [first + round(layers * (k + 1) / groups) - 1 for k in range(groups)]


def choose(config: ModelConfig, widths: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Indexes of the kept layers for each tower; every tower aligns with the shallowest."""
    chosen = {}
    for name, tower in widths.items():
        depth = len(tower)
        if config.method == "frozen" or config.keeps == "last":
            chosen[name] = [depth - 1]
        elif config.keeps == "all":
            chosen[name] = list(range(depth))
        elif config.keeps == "every-second":
            chosen[name] = every_second(depth)
        else:
            chosen[name] = group_last(depth, _groups(config, name, widths))
    if config.method == "iisan":
        _check_symmetric(chosen, widths)
    return chosen


def _groups(config: ModelConfig, name: str, widths: Mapping[str, Sequence[int]]) -> int:
    shallowest = max(min(len(tower) for tower in widths.values()) - 1, 1)
    if isinstance(config.groups, int):
        return min(config.groups, shallowest)
    if unknown := sorted(set(config.groups) - set(widths)):
        raise UsageError(
            f"{unknown[0]!r} is no tower; towers: {', '.join(widths)}", where="model.groups"
        )
    groups = config.groups.get(name, shallowest)
    layers = max(len(widths[name]) - 1, 1)
    if groups > layers:
        raise UsageError(
            f"{groups} groups, but tower {name!r} has {layers} layers", where="model.groups"
        )
    return groups


def _check_symmetric(chosen: Mapping[str, list[int]], widths: Mapping[str, Sequence[int]]) -> None:
    """The first IISAN wants towers of one width and depth."""
    shapes = {name: tuple(widths[name][i] for i in kept) for name, kept in chosen.items()}
    if len(set(shapes.values())) > 1:
        told = "; ".join(f"{name}: {len(s)} x {max(s)}" for name, s in shapes.items())
        raise UsageError(
            f"method iisan needs towers of one depth and width ({told}): use iisan-versa",
            where="model.method",
        )
