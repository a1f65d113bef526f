"""Which cached layers of a tower a method reads."""

from collections.abc import Mapping

from mirctl.encode import layers
from mirctl.encode.layers import Cached
from mirctl.errors import UsageError
from mirctl_adapt.config import ModelConfig


def choose(config: ModelConfig, towers: Mapping[str, Cached]) -> dict[str, list[int]]:
    """Indexes of the kept layers for each tower; every tower aligns with the shallowest."""
    last = config.method == "frozen" or bool(config.tuned)
    chosen = layers.keep("last" if last else config.keeps, config.groups, towers)
    if config.method == "iisan":
        _check_symmetric(chosen, towers)
    return chosen


def _check_symmetric(chosen: Mapping[str, list[int]], towers: Mapping[str, Cached]) -> None:
    """The first IISAN wants towers of one width and depth."""
    shapes = {name: tuple(towers[name].widths[i] for i in kept) for name, kept in chosen.items()}
    if len(set(shapes.values())) > 1:
        told = "; ".join(f"{name}: {len(s)} x {max(s)}" for name, s in shapes.items())
        raise UsageError(
            f"method iisan needs towers of one depth and width ({told}): use iisan-versa",
            where="model.method",
        )
