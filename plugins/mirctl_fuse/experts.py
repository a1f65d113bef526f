"""Who decides: the weights that a fusion gives the modalities, or the experts, of each item."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from mirctl import console
from mirctl.encode.towers import CatalogueInputs, ItemBatch
from mirctl_fuse.config import Fusion
from mirctl_fuse.crossan import ItemEncoder

Change = Callable[[ItemBatch, Tensor], ItemBatch]
"""A batch and its items' indexes in the catalogue -> the batch as it is to be read."""


def names(model: Fusion, modalities: Iterable[str]) -> list[str]:
    """Of the columns of the weights."""
    if model.fusion != "momef":
        return list(modalities)
    return [*modalities, *(f"shared {n + 1}" for n in range(model.shared))]


@torch.no_grad()
def embed(
    encoder: ItemEncoder, inputs: CatalogueInputs, change: Change | None = None
) -> tuple[Tensor, Tensor | None]:
    """(items, dim) float32 and, where the fusion weighs, (items, experts), in blocks."""
    encoder.eval()
    embeddings, weights = [], []
    with console.progress("embedding the items", inputs.n_items) as advance:
        for rows in torch.arange(inputs.n_items).split(inputs.block):
            batch = inputs.gather(rows)
            fused = encoder.fuse(batch if change is None else change(batch, rows))
            embeddings.append(fused.embedding.float())
            weights += [] if fused.weights is None else [fused.weights.float()]
            advance(len(rows))
    return torch.cat(embeddings), torch.cat(weights) if weights else None


def summary(names: list[str], weights: Tensor) -> str:
    """A table: the mean weight of each expert, and of how many items it is the first."""
    first = weights.argmax(1).bincount(minlength=weights.shape[1])
    lines = [
        [name, f"{float(mean):.3f}", f"{int(count):,}"]
        for name, mean, count in zip(names, weights.mean(0), first, strict=True)
    ]
    return console.table(["expert", "mean weight", "items it decides"], lines)
