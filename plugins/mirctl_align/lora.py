"""Low-rank updates W + (alpha / r) B A beside a network's projections (Hu et al., 2021)."""

import warnings
from typing import TYPE_CHECKING

from torch import nn

from mirctl.errors import UsageError
from mirctl_align.config import ModelConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HEAD = r".*pooler.*"
"""Layers of a base that learn as a whole, since they belong to the head."""


def add(network: "PreTrainedModel", config: ModelConfig) -> None:
    """Put them into the base of a network, and freeze what they stand beside."""
    from peft import LoraConfig, inject_adapter_in_model

    def inject(targets: list[str] | str | None) -> None:
        lora = LoraConfig(
            r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout,
            target_modules=targets, exclude_modules=HEAD,
        )  # fmt: skip
        inject_adapter_in_model(lora, network.base_model)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it corrects itself for GPT-2's transposed layers
        try:
            inject(list(config.targets) if config.targets else None)
        except ValueError as error:
            if config.targets:
                told = f"model.targets {', '.join(config.targets)}"
                raise UsageError(f"{told}: {network.config.model_type} has none such") from error
            network.requires_grad_(False)  # peft knows no projections of this kind of model
            inject("all-linear")


def merge(network: nn.Module) -> None:
    """Compute the updates into the weights, for good: the network is a plain one again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in [*network.named_modules()]:
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            above, _, own = name.rpartition(".")
            setattr(network.get_submodule(above), own, layer.get_base_layer())
