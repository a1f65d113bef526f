"""A trained Recommender as a scorer: item embeddings once, then users block by block."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl import console
from mirctl.encode.towers import CatalogueInputs
from mirctl.errors import RunError
from mirctl.sequences.histories import Histories
from mirctl.sequences.users import Recommender, UserEncoder

LEAST_ROWS = 16


@torch.no_grad()
def embed_items(
    model: Recommender, inputs: CatalogueInputs, ids: Sequence[int] | None = None
) -> Tensor:
    """(items, dim) float32 on the inputs' device, in blocks.

    `ids` are the items' indexes in training, -1 for new ones; None where the catalogue is the
    trained one.
    """
    model.eval()
    known = None if ids is None else torch.tensor(ids, device=inputs.device)
    blocks = []
    with console.progress("embedding the items", inputs.n_items) as advance:
        for rows in torch.arange(inputs.n_items).split(inputs.block):
            batch = inputs.gather(rows)
            if known is not None:
                batch = replace(batch, ids=known[rows.to(inputs.device)])
            blocks.append(model.items(batch).float())
            advance(len(rows))
    return torch.cat(blocks)


class NeuralScorer:
    """Scores histories with a user encoder and fixed item embeddings."""

    def __init__(self, users: UserEncoder, embeddings: Tensor) -> None:
        self.users, self.embeddings = users.eval(), embeddings

    @torch.no_grad()
    def queries(self, histories: Histories) -> Tensor:
        """(users, dim): each history's last time step; zeros for an empty history."""
        items, lengths = histories.padded(len(self.users.positions.weight))
        device = self.embeddings.device
        read = self.users(self.embeddings[torch.from_numpy(items).to(device)])
        last = torch.from_numpy(np.maximum(lengths - 1, 0)).to(device)
        known = torch.from_numpy(lengths > 0).to(device)
        return read[torch.arange(len(last), device=device), last] * known[:, None]

    @torch.no_grad()
    def scores(self, histories: Histories) -> Tensor:
        """(users, n_items)"""
        queries = self.queries(histories)
        # Products of a few rows may give equal items other last bits, and so break their ties.
        padded = F.pad(queries, (0, 0, 0, max(0, LEAST_ROWS - len(queries))))
        scores = (padded @ self.embeddings.T)[: len(queries)]
        if scores.numel() and not all(end.isfinite() for end in scores.aminmax()):
            told = "the model gives scores that are no finite numbers, so its training diverged"
            raise RunError(f"{told}: try a lower train.lr")
        return scores
