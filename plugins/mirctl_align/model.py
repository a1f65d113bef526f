"""A pretrained network with one score, and the gaze that it may be given.

The padding is moved right before anything else, so positions count from a row's first token, and a
decoder's reward is read at its last one, whatever the padding token is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.encode.pretrained import is_head
from mirctl.errors import UsageError
from mirctl_align import injection, lora, packing
from mirctl_align.batch import Batch
from mirctl_align.config import GazeConfig, ModelConfig
from mirctl_align.injection import Given, TokenWeight, is_decoder
from mirctl_align.packing import Packing

if TYPE_CHECKING:
    from transformers import PreTrainedModel

UNLIMITED = 2**31 - 1


class RewardModel(nn.Module):
    """Batch -> rewards (rows,) float32. `special`: tokens that token-weight does not count."""

    def __init__(
        self, network: "PreTrainedModel", config: ModelConfig, gaze: GazeConfig, k: int = 0,
        special: Sequence[int] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.inject, self.full = gaze.inject, config.method == "full"
        self.decodes = is_decoder(network)
        self.limit = positions(network)
        self.entry = injection.entry(gaze, k, network)
        self.register_buffer("mean", torch.zeros(k))
        self.register_buffer("scale", torch.ones(k))
        self.packs = False
        """Does it take rows without their padding? See pack."""
        self.network, self.weighted, self.predictor = network, None, None
        if gaze.inject == "token-weight":
            self.weighted = TokenWeight(k, _width(network), tuple(special))
        if gaze.inject == "aux-loss":
            self.predictor = nn.Linear(_width(network), k)
        self._prepare(config)

    def _prepare(self, config: ModelConfig) -> None:
        """Choose what learns: the head always does, if it is used, the rest by the method."""
        self.network.requires_grad_(self.full)
        if not self.full:
            lora.add(self.network, config)
        for name, weight in self.network.named_parameters():
            if is_head(self.network, name):
                weight.requires_grad_(self.weighted is None)
        if config.checkpointing:
            self._checkpoint()

    def _checkpoint(self) -> None:
        new = getattr(self.network, "activation_checkpointing_enable", None)
        enable = new or self.network.gradient_checkpointing_enable  # the name until transformers 5
        try:
            enable({"use_reentrant": False})
        except ValueError as error:
            raise UsageError(f"model.checkpointing: {error}") from error

    def pack(self) -> None:
        """From now on take what rows have in common, where the network can: see packing."""
        self.packs = self.decodes and self.inject != "attn-bias" and packing.enable(self.network)

    @property
    def needs_gaze(self) -> bool:
        """Is a reward without gaze another one?"""
        return self.inject not in ("none", "aux-loss")

    def standardise(self, mean: Tensor, scale: Tensor) -> None:
        """Gaze is from now on read as (gaze - mean) / scale, each (k,)."""
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def room(self, tokens: int, words: int) -> int:
        """Positions that a text of so many tokens, and words with gaze, leaves free; negative: so
        many are too many."""
        prefix = words if self.inject == "concat" else 0
        return self.limit - tokens - prefix - self.entry.extra

    def forward_with_aux(self, batch: Batch, shared: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Rewards, and how badly their states tell gaze: the mean over the rows of what is the mean
        over a row's known values. 0 but for aux-loss. With `shared` (rows / 2,) rows are packed:
        so many tokens does a row of the second half begin with as its fellow of the first."""
        return self(batch, shared, aux=True)

    def forward(
        self, batch: Batch, shared: Tensor | None = None, *, aux: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        raw = batch.aligned()
        predicts = aux and self.predictor is not None
        if raw.gaze is None and (self.needs_gaze or predicts):
            raise UsageError(f"a model with gaze.inject={self.inject} needs gaze")
        batch = raw if raw.gaze is None else replace(raw, gaze=self._standardised(raw.gaze))
        given = self.entry(batch, self.network)
        if (length := given.real.shape[1]) > self.limit:
            told = f"the model has {self.limit} positions"
            raise UsageError(f"{length} tokens are too many, gaze included: {told}")
        rewards, states = self._rewards(given, batch, shared, states=predicts)
        rewards = rewards.clone()  # of a model in pieces, a view would lose what gathers them
        if not aux:
            return rewards
        if not predicts:
            return rewards, rewards.new_zeros(())
        known = batch.first[..., None] & raw.gaze.isfinite()
        return rewards, self._missed(states, batch.gaze, known)

    def _standardised(self, gaze: Tensor) -> Tensor:
        """Known values on their scale, 0 where nothing is known."""
        return torch.where(gaze.isfinite(), (gaze - self.mean) / self.scale, 0.0)

    def _rewards(
        self, given: Given, batch: Batch, shared: Tensor | None, *, states: bool
    ) -> tuple[Tensor, Tensor]:
        """(rows,), and where they are wanted the last states (rows, tokens, width)."""
        if not self.decodes and self.weighted is None:
            found = self.network(**given.arguments, output_hidden_states=states)
            return found.logits.float()[:, 0], found.hidden_states[-1] if states else found.logits
        found = self._states(given, batch, shared)
        with torch.autocast(found.device.type, enabled=False):
            read = found.float()
            if self.weighted is not None:
                return self.weighted(read, batch), read
            last = given.real.sum(1) - 1
            ends = read[torch.arange(len(read), device=read.device), last]
            return self.network.score(ends)[:, 0], read

    def _states(self, given: Given, batch: Batch, shared: Tensor | None) -> Tensor:
        """The last ones (rows, tokens, width)."""
        if shared is None:
            return self.network.base_model(**given.arguments).last_hidden_state
        if self.inject == "concat":  # alike are the first mark and the gaze of what is alike
            first = batch.first[: len(shared)].cumsum(1)
            words = torch.cat([torch.zeros_like(first[:, :1]), first], 1)
            shared = 1 + words.gather(1, shared[:, None])[:, 0]
        packed = Packing.of(given.real, shared)
        found = self.network.base_model(**packed.arguments(given)).last_hidden_state
        return found[0][packed.place]

    def _missed(self, states: Tensor, gaze: Tensor, known: Tensor) -> Tensor:
        """Smooth L1 between what states tell of the words that begin there, and their gaze."""
        missed = F.smooth_l1_loss(self.predictor(states).float(), gaze, reduction="none")
        counts = known.sum((1, 2)).clamp(min=1)
        return (missed.masked_fill(~known, 0.0).sum((1, 2)) / counts).mean()


def learned(model: RewardModel) -> dict[str, Tensor]:
    """The state of a model without what its base came with and never changed."""
    state = dict(model.state_dict())
    if model.full:
        return state
    learns = {name for name, weight in model.named_parameters() if weight.requires_grad}
    return {n: t for n, t in state.items() if n in learns or not n.startswith("network.")}


def _width(network: "PreTrainedModel") -> int:
    """Of the last states."""
    if is_decoder(network):
        return network.score.weight.shape[1]
    return network.config.get_text_config().hidden_size


def positions(network: "PreTrainedModel") -> int:
    """How many a network knows; RoBERTa leaves the first ones unused."""
    found = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(found, int) or found < 1:
        return UNLIMITED
    tables = [m for n, m in network.named_modules() if n.endswith("position_embeddings")]
    unused = [t.padding_idx + 1 for t in tables if getattr(t, "padding_idx", None) is not None]
    return found - max(unused, default=0)
