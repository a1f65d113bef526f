"""The networks of a recipe: what reads items, and the recommender, with a reader of histories."""

from collections.abc import Sequence

from torch import nn

from mirctl.encode.towers import TowerInput
from mirctl.sequences.users import Recommender, UserEncoder
from mirctl_fuse import fusion
from mirctl_fuse.config import FuseModel, Fusion
from mirctl_fuse.crossan import ItemEncoder, Towers


def build(model: FuseModel, inputs: Sequence[TowerInput]) -> Recommender:
    """An untrained one."""
    reader = (model.dim, model.history, model.user_layers, model.user_heads, model.dropout)
    return Recommender(encoder(model, inputs), UserEncoder(*reader))


def encoder(model: Fusion, inputs: Sequence[TowerInput]) -> ItemEncoder:
    """What reads items of so many modalities."""
    towers = Towers(
        inputs, bottleneck=model.bottleneck, rank=model.rank, cross=model.cross, gate=model.gate
    )
    return ItemEncoder(towers, fusion_of(model, len(inputs)), model.dim, "gelu")


def fusion_of(model: Fusion, count: int) -> nn.Module:
    """The recipe's fusion of so many modalities."""
    if model.fusion == "momef":
        settings = {
            "shared": model.shared,
            "top": model.top,
            "balance": model.balance,
            "z": model.z,
        }
        return fusion.Momef(count, model.dim, **settings)
    if model.fusion == "sum":
        return fusion.Sum()
    kinds = {"concat": fusion.Concat, "attention": fusion.Attention, "gated": fusion.Gated}
    return kinds[model.fusion](count, model.dim)
