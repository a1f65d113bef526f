"""The task that the training loop runs: predict each next item of a window."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl import distributed
from mirctl.encode.towers import CatalogueInputs, ItemBatch
from mirctl.metrics import ranking
from mirctl.sequences.evaluation import rank_all
from mirctl.sequences.histories import Split, Windows
from mirctl.sequences.loss import Candidates, batch_loss, catalogue_loss
from mirctl.sequences.scorer import NeuralScorer, embed_items
from mirctl.sequences.users import Recommender


class NextItemTask:
    """Windows of histories in, mean next-item loss out; validates by full ranking.

    The softmax is over the `whole` catalogue, or over the items of a batch minus log popularity.
    Of several processes each embeds its part of the items, which all of them then see, and predicts
    in its part of the windows.
    """

    shares = True

    def __init__(
        self,
        model: Recommender,
        inputs: CatalogueInputs,
        split: Split,
        windows: Windows,
        *,
        whole: bool,
        repeats: str,
        modality_dropout: float,
        rates: Mapping[str, float],
    ) -> None:
        self.model, self.inputs, self.split, self.windows = model, inputs, split, windows
        self.whole, self.repeats, self.rates = whole, repeats, rates
        self.modality_dropout = modality_dropout
        counts = torch.from_numpy(split.train_counts()).float().to(inputs.device)
        self.log_share = (counts.clamp_min(1) / counts.sum()).log()
        mine = torch.arange(split.n_items)[distributed.process().rows(split.n_items)]
        self.every_item = inputs.gather(mine) if self.whole else None

    def steps(self, epoch: int) -> int:
        return self.windows.steps(epoch)

    def batch(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.windows.batch(epoch, step)

    def loss(self, batch: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Tensor:
        """Mean cross-entropy over every real next item of the windows, or this process's share."""
        distributed.process().diverge()
        items, lengths, users = (torch.from_numpy(part) for part in batch)
        inside = torch.arange(items.shape[1]) < lengths[:, None]
        return self._catalogue(items, inside) if self.whole else self._batch(items, inside, users)

    def _catalogue(self, items: Tensor, inside: Tensor) -> Tensor:
        own = self._embed(self.every_item)
        embeddings = distributed.process().join(own, self.split.n_items)
        wanted, target, _ = self._predict(items, inside, embeddings)
        return catalogue_loss(wanted, embeddings, target, int(inside[:, 1:].sum()))

    def _batch(self, items: Tensor, inside: Tensor, users: Tensor) -> Tensor:
        distinct, place, counts = torch.unique(
            items[inside], return_inverse=True, return_counts=True
        )
        local = torch.zeros_like(items)
        local[inside] = place
        process = distributed.process()
        own = self._embed(self.inputs.gather(distinct[process.rows(len(distinct))]))
        embeddings = process.join(own, len(distinct))
        wanted, target, window = self._predict(local, inside, embeddings)
        device = self.inputs.device
        # Two windows of one long history belong to one user: neither is a negative of the other.
        person = torch.unique(users, return_inverse=True)[1]
        owned = torch.zeros(len(items), len(distinct), dtype=torch.bool)
        owned[person[inside.nonzero()[:, 0]], place] = True
        owned = owned[person]
        candidates = Candidates(
            counts.float().to(device), self.log_share[distinct.to(device)], owned.to(device)
        )
        total = int(inside[:, 1:].sum())
        return batch_loss(wanted, embeddings, target, window, candidates, total)

    def _embed(self, items: ItemBatch) -> Tensor:
        return self.model.items(items.hide(self.modality_dropout))

    def _predict(
        self, items: Tensor, inside: Tensor, embeddings: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """User states (n, dim), targets (n,) and window rows (n,) of the n real predictions in this
        process's windows."""
        device, rows = embeddings.device, distributed.process().rows(len(items))
        items, inside = items[rows], inside[rows]
        read = self.model.users(F.embedding(items[:, :-1].to(device), embeddings))
        real = inside[:, 1:]
        window = (real.nonzero()[:, 0] + rows.start).to(device)
        return read[real.to(device)], items[:, 1:][real].to(device), window

    def validate(self) -> dict[str, float]:
        """Mean ranking measures of the validation targets."""
        scorer = NeuralScorer(self.model.users, embed_items(self.model, self.inputs))
        return ranking.means(rank_all(scorer, self.split, "valid", self.repeats))
