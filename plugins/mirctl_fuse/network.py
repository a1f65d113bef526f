"""The recommender of a recipe: item encoder, then a reader of histories."""

from collections.abc import Sequence

from torch import nn

from mirctl.encode.towers import TowerInput
from mirctl.sequences.users import Recommender, UserEncoder
from mirctl_fuse import fusion
from mirctl_fuse.config import FuseModel
from mirctl_fuse.crossan import ItemEncoder, Towers


def build(model: FuseModel, inputs: Sequence[TowerInput]) -> Recommender:
    """An untrained one."""
    towers = Towers(
        inputs, bottleneck=model.bottleneck, rank=model.rank, cross=model.cross, gate=model.gate
    )
    items = ItemEncoder(towers, fusion_of(model, len(inputs)), model.dim, "gelu")
    reader = (model.dim, model.history, model.user_layers, model.user_heads, model.dropout)
    return Recommender(items, UserEncoder(*reader))


def fusion_of(model: FuseModel, count: int) -> nn.Module:
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
