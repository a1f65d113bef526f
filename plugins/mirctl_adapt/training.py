"""The task that the core's training loop runs: predict each next item of a window."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mirctl import distributed
from mirctl.metrics import ranking
from mirctl_adapt import tuning
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.data import Split, Windows
from mirctl_adapt.evaluation import rank_all
from mirctl_adapt.inputs import CatalogueInputs
from mirctl_adapt.loss import Candidates, batch_loss, catalogue_loss
from mirctl_adapt.model import ItemBatch, Recommender
from mirctl_adapt.neural import NeuralScorer, embed_items

WHOLE_CATALOGUE = 5000


def whole_catalogue(config: AdaptConfig, n_items: int) -> bool:
    """Is the softmax over every item? SASRec's is by definition; a small catalogue allows it."""
    if config.train.loss == "auto":
        small = n_items <= WHOLE_CATALOGUE and not config.model.tuned
        return config.model.method == "id" or small
    return config.train.loss == "catalogue"


class NextItemTask:
    """Windows of histories in, mean next-item loss out; validates by full ranking.

    Of several processes each embeds its part of the items, which all of them then see, and predicts
    in its part of the windows.
    """

    shares = True

    def __init__(
        self, model: Recommender, inputs: CatalogueInputs, split: Split, config: AdaptConfig
    ) -> None:
        self.model, self.inputs, self.split, self.config = model, inputs, split, config
        rate = config.train.encoder_lr or tuning.RATES.get(config.model.method, 0.0)
        self.rates = tuning.rates(model, rate)
        width = config.model.history
        self.windows = Windows(split.train, width, config.train.batch_size, config.seed)
        self.whole = whole_catalogue(config, split.n_items)
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
        return self.model.items(items.hide(self.config.model.modality_dropout))

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
        repeats = self.config.evaluation.repeats
        return ranking.means(rank_all(scorer, self.split, "valid", repeats))
