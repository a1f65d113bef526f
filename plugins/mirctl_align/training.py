"""The task that the core's training loop runs: pairs in, the loss of preferences out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mirctl import batching, distributed
from mirctl.device import send
from mirctl.training import step_seed
from mirctl_align import evaluation
from mirctl_align.config import RewardConfig
from mirctl_align.loss import preference_loss, weighted_mean
from mirctl_align.rows import Rows, alike, rewards

if TYPE_CHECKING:
    from mirctl_align.dialogue import Pair
    from mirctl_align.model import RewardModel


@dataclass(frozen=True)
class Preferences:
    """Pairs as a model sees them: row n of both is pair n."""

    pairs: "Sequence[Pair]"
    chosen: Rows
    rejected: Rows

    def __len__(self) -> int:
        return len(self.pairs)


class PreferenceTask:
    """Every pair once an epoch, in batches of like length; each process has some pairs of each."""

    shares = True

    def __init__(
        self, model: "RewardModel", train: Preferences, valid: Preferences | None,
        config: RewardConfig, device: torch.device,
    ) -> None:  # fmt: skip
        # A box, since the loop compiles, or takes to pieces, what is in the model that it is given.
        self.model = nn.ModuleDict({"reward": model})
        self.train, self.valid = train, valid
        self.config, self.device = config, device
        self.lengths = np.maximum(train.chosen.lengths, train.rejected.lengths)
        numbers = [(pair.margin, pair.target, pair.weight) for pair in train.pairs]
        self.numbers = torch.tensor(numbers, dtype=torch.float32, device=device).T
        self._epoch, self._order = -1, np.zeros(0, np.int64)
        if not config.train.compile:
            model.pack()
        self.packs = model.packs

    def steps(self, epoch: int) -> int:
        return -(-len(self.train) // self.config.train.batch_size)

    def batch(self, epoch: int, step: int) -> np.ndarray:
        """Numbers of some pairs."""
        if epoch != self._epoch:
            random = np.random.default_rng(step_seed(self.config.seed, epoch))
            self._order = batching.order(self.lengths, self.config.train.batch_size, random)
            self._epoch = epoch
        size = self.config.train.batch_size
        return self._order[step * size : (step + 1) * size]

    def loss(self, batch: np.ndarray) -> Tensor:
        """Mean over the batch's pairs by weight, or this process's share of it."""
        process = distributed.process()
        process.diverge()
        margin, target, weight = self.numbers[:, batch]
        mine = process.rows(len(batch))
        idle = mine.start == mine.stop
        mine = slice(0, 1) if idle else mine  # of a model in pieces every process is needed
        own, settings = batch[mine], self.config.train
        rows = Rows.together(self.train.chosen.of(own), self.train.rejected.of(own))
        found, aux = self._read(rows)
        chosen, rejected = found.float().chunk(2)
        loss = preference_loss(
            chosen, rejected, margin[mine], target[mine],
            smoothing=settings.smoothing, centering=settings.centering,
        )  # fmt: skip
        share = weighted_mean(loss, weight[mine], weight.sum())
        share = share + self.config.gaze.weight * aux * len(own) / len(batch)
        return share * 0.0 if idle else share

    def _read(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Rewards (rows,) and the loss beside that of the preferences. Where the model does not
        take rows without padding, on one CPU those of like length are computed together."""
        model = self.model["reward"]
        if self.packs:
            shared = torch.from_numpy(rows.shared())
            return model.forward_with_aux(rows.batch(self.device), send(shared, self.device))
        alone = self.device.type == "cpu" and distributed.world() == 1
        groups = alike(rows.lengths) if alone else [np.arange(len(rows))]
        found = [model.forward_with_aux(rows.of(some).batch(self.device)) for some in groups]
        places = torch.from_numpy(np.argsort(np.concatenate(groups))).to(self.device)
        shares = [
            aux * (len(some) / len(rows)) for (_, aux), some in zip(found, groups, strict=True)
        ]
        return torch.cat([rewards for rewards, _ in found])[places], sum(shares)

    def validate(self) -> dict[str, float]:
        """Accuracy and log loss of the validation pairs; nothing where no epoch is chosen."""
        if self.valid is None:
            return {}
        chosen, rejected = (
            rewards(self.model["reward"], rows, self.device)
            for rows in (self.valid.chosen, self.valid.rejected)
        )
        return evaluation.means(chosen, rejected, self.valid.pairs)
