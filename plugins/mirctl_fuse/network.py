"""The networks of a recipe: what reads items, and the recommender, with a reader of histories."""

from collections.abc import Sequence

from torch import nn

from mirctl.sequences.users import Recommender, UserEncoder
from mirctl_fuse import fusion
from mirctl_fuse.config import PAIRWISE, TUNED, FuseModel, Fusion
from mirctl_fuse.crossan import ItemEncoder, Towers
from mirctl_fuse.peers import Ends, Pairwise


def build(model: FuseModel, inputs: Sequence[nn.Module]) -> Recommender:
    """An untrained one."""
    reader = (model.dim, model.history, model.user_layers, model.user_heads, model.dropout)
    return Recommender(encoder(model, _towers(model, inputs)), UserEncoder(*reader))


def encoder(model: Fusion, towers: nn.Module) -> ItemEncoder:
    """What reads items by these towers."""
    return ItemEncoder(towers, fusion_of(model, len(towers.ends)), model.dim, "gelu")


def crossan(model: Fusion, inputs: Sequence[nn.Module]) -> Towers:
    """Side towers that hear of each other."""
    return Towers(
        inputs, bottleneck=model.bottleneck, rank=model.rank, cross=model.cross, gate=model.gate
    )


def _towers(model: FuseModel, inputs: Sequence[nn.Module]) -> nn.Module:
    if model.method in TUNED:
        return Ends(inputs)
    if model.method == PAIRWISE:
        return Pairwise(inputs, bottleneck=model.bottleneck, gate=model.gate)
    return crossan(model, inputs)


def fusion_of(model: Fusion, count: int) -> nn.Module:
    """The recipe's fusion of what so many towers say."""
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
