"""The pretrained model that a reward model starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mirctl import hub
from mirctl.encode import pretrained
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError, UsageError
from mirctl_align.injection import ALIKE, is_decoder
from mirctl_align.model import RewardModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from mirctl.hub import Model
    from mirctl_align.config import GazeConfig, ModelConfig


@dataclass(frozen=True)
class Base:
    """A network with one score, and its tokenizer."""

    model: Model
    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def reward_model(self, config: ModelConfig, gaze: GazeConfig, measures: int) -> RewardModel:
        """A reward model around the network; what is new in it is drawn by torch."""
        special = self.tokenizer.all_special_ids
        return RewardModel(self.network, config, gaze, measures, special)


def start(name: str) -> Base:
    """A model with its weights, fetched where need be; its head is random unless it has one."""
    return of(hub.resolve(name))


def of(model: Model) -> Base:
    """A model on this disk with its weights."""
    from transformers import AutoModelForSequenceClassification

    kind, cpu = AutoModelForSequenceClassification, torch.device("cpu")
    network = pretrained.read(model, kind, cpu, torch.float32, labels=1)
    network.config.use_cache = False
    found = _checked(Base(model, network, pretrained.tokenizer_of(model)))
    _refuse_reader_of_padding(found)
    return found


def blank(model: Model) -> Base:
    """The model that config and tokenizer describe, its weights random."""
    from transformers import AutoModelForSequenceClassification

    network = pretrained.unread(model, AutoModelForSequenceClassification, labels=1)
    return _checked(Base(model, network, pretrained.tokenizer_of(model)))


def _checked(base: Base) -> Base:
    if base.network.config.is_encoder_decoder:
        told = "reads with an encoder and writes with a decoder: take a model with one of them"
        raise UsageError(quoted(base.model, told))
    for name, weight in base.network.state_dict().items():
        if weight.is_floating_point() and not weight.isfinite().all():
            told = f"{name} holds what is no finite number: its weights are damaged"
            raise MissingError(quoted(base.model, told), where=str(base.model.folder))
    return base


@torch.no_grad()
def _refuse_reader_of_padding(base: Base) -> None:
    """Raise a UsageError where a head that is not ours to call looks at more than real tokens."""
    if is_decoder(base.network):
        return
    ids = torch.zeros(1, 6, dtype=torch.int64, device=base.network.device)
    mask = (torch.arange(6, device=ids.device) < 3).long()[None]
    whole = base.network(input_ids=ids, attention_mask=mask).logits
    alone = base.network(input_ids=ids[:, :3], attention_mask=mask[:, :3]).logits
    if (whole - alone).abs().max() > ALIKE:
        told = f"a {base.network.config.model_type} reads its score at padding"
        raise UsageError(quoted(base.model, f"{told}: take another model"))
