"""The recommender that a recipe describes, before any training."""

from collections.abc import Sequence

from torch import nn

from mirctl.sequences.users import Recommender, UserEncoder
from mirctl_adapt.config import TUNED, ModelConfig
from mirctl_adapt.model import FrozenHeads, IdTable, SideNetwork


def build(config: ModelConfig, towers: Sequence[nn.Module], n_items: int) -> Recommender:
    """An untrained recommender of the recipe's method."""
    users = UserEncoder(
        config.dim, config.history, config.user_layers, config.user_heads, config.dropout
    )
    content = None if config.method == "id" else _content(config, towers)
    if content is None or config.ids:
        return Recommender(IdTable(n_items, config.dim, content), users)
    return Recommender(content, users)


def _content(config: ModelConfig, towers: Sequence[nn.Module]) -> nn.Module:
    if config.method == "frozen" or config.method in TUNED:
        return FrozenHeads(towers, dim=config.dim, head_kind=config.head_kind)
    return SideNetwork(
        towers,
        bottleneck=config.bottleneck,
        dim=config.dim,
        head_kind=config.head_kind,
        intra=config.intra,
        inter=config.inter,
        gate=config.gate,
    )
