"""The training task: next items, and a router that asks all of its experts."""

from typing import Any

import torch
from torch import Tensor

from mirctl import distributed
from mirctl.encode.towers import ItemBatch
from mirctl.sequences.training import NextItemTask
from mirctl_fuse.missing import take_away


class FuseTask(NextItemTask):
    """Next items by fused modalities; the router's own losses are added, each process's over the
    items that it embeds."""

    def loss(self, batch: Any) -> Tensor:
        self.routing: list[Tensor] = []
        return super().loss(batch) + sum(self.routing)

    def _embed(self, items: ItemBatch) -> Tensor:
        if self.modality_dropout:
            draws = torch.rand(len(items.ids), len(items.towers), device=items.ids.device)
            items = take_away(items, draws, self.modality_dropout)
        fused = self.model.items.fuse(items)
        if fused.loss is not None:
            self.routing.append(fused.loss / distributed.world())
        return fused.embedding
