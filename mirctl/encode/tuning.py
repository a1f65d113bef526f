"""Text encoders that learn: as a whole, by low-rank updates, by adapters, or by biases alone.

What side networks are raced against. Every step runs and differentiates the encoder, over the
distinct items of the batch, padded to the longest of them.

fft       every weight (but the word embeddings' unused rows, which get no gradient)
lora      W + (r/r) B A beside each query and value projection (Hu et al., 2021), by peft
adapter   A(x) = W_up ReLU(W_down x) + x after each layer (Houlsby et al., 2019; Pfeiffer et al.,
          2021)
bitfit    biases alone (Ben Zaken et al., 2022)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.artifact import Artifact
from mirctl.device import send
from mirctl.encode import content
from mirctl.encode.content import RawItem
from mirctl.encode.pretrained import refuse_foreign
from mirctl.encode.protocol import choose
from mirctl.encode.settings import EncoderSettings
from mirctl.encode.text import TextEncoder, pooled
from mirctl.errors import ArtifactError, UsageError
from mirctl.nn.side import SideAdapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

RATES = {"fft": 1e-4, "lora": 1e-3, "adapter": 1e-3, "bitfit": 1e-3}
"""Usual learning rates of what is inside an encoder, where a recipe names none."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of n texts, (n, longest): their ids, and which are real; present (n,) bool."""

    ids: Tensor
    real: Tensor
    present: Tensor

    def without(self, lost: Tensor) -> "Tokens":
        """As if the items `lost` (n,) bool had no text."""
        return replace(self, present=self.present & ~lost)


class TunedText(nn.Module):
    """A text encoder with weights to learn: tokens -> the pooled state (n, width) of its end."""

    def __init__(self, encoder: TextEncoder, method: str, bottleneck: int) -> None:
        super().__init__()
        self.network, self.pool = encoder.network, encoder.pool
        self.widths = [encoder.widths[-1]]
        self.absent = nn.Parameter(torch.zeros(self.widths[0]))
        self.adapters = nn.ModuleList()
        if method == "fft":
            self.network.requires_grad_(True)
        elif method == "lora":
            _add_lora(self.network, bottleneck)
        elif method == "bitfit":
            _free_biases(self.network)
        else:
            self.adapters.extend(_add_adapters(self.network, bottleneck))

    def forward(self, tokens: Tokens) -> list[Tensor]:
        """One state, as of a tower that keeps one layer; a learned one where there is no text."""
        mask = tokens.real.long()
        read = self.network(input_ids=tokens.ids, attention_mask=mask).last_hidden_state
        state = pooled(read, mask, self.pool)
        return [torch.where(tokens.present[:, None], state, self.absent)]


def _add_lora(network: "PreTrainedModel", rank: int) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    try:
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank), network)
    except ValueError:  # peft knows no projections of this kind of model
        network.requires_grad_(False)
        inject_adapter_in_model(
            LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear"), network
        )


def _free_biases(network: "PreTrainedModel") -> None:
    biases = [p for name, p in network.named_parameters() if name.endswith("bias")]
    if not biases:
        raise UsageError(f"a {network.config.model_type} has no biases: bitfit has none to learn")
    for bias in biases:
        bias.requires_grad_(True)


def _add_adapters(network: "PreTrainedModel", bottleneck: int) -> Iterator[SideAdapter]:
    """One behind each layer, hooked to its output."""
    count, width = network.config.num_hidden_layers, network.config.hidden_size
    stacks = [m for m in network.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    if not stacks:
        raise UsageError(f"a {network.config.model_type} has no list of layers to add adapters to")
    for layer in stacks[0]:
        adapter = SideAdapter(width, bottleneck)

        def adapted(_: nn.Module, __: Any, out: Any, adapter: SideAdapter = adapter) -> Any:
            return (adapter(out[0]), *out[1:]) if isinstance(out, tuple) else adapter(out)

        layer.register_forward_hook(adapted)
        yield adapter


class TextTower:
    """The texts of a catalogue as tokens, for a text encoder that learns."""

    block = 256
    """Items whose texts an encoder reads at once."""

    def __init__(
        self, settings: EncoderSettings, texts: Sequence[RawItem], method: str, bottleneck: int
    ) -> None:
        self.settings, self.method, self.bottleneck = settings, method, bottleneck
        contents = content.read(texts, "text")
        self.content, self.present = contents.digest, contents.present
        choice = choose(settings, torch.float32)
        self.weights = choice.weights
        self._encoder = choice.load(torch.device("cpu"))
        if not isinstance(self._encoder, TextEncoder):
            told = f"{settings.model!r} is run by {choice.spec.name!r}, which does not learn"
            raise UsageError(f"{told}: {method} takes Hugging Face text models")
        rows = self._encoder.tokens([str(text or "") for text in texts]) if texts else []
        self.lengths = np.array([max(len(row), 1) for row in rows], np.int64)
        self.ids = np.full((len(rows), self.lengths.max(initial=1)), self._encoder.padding)
        for n, row in enumerate(rows):
            self.ids[n, : len(row)] = row
        refuse_foreign(settings.model, int(self.ids.max(initial=0)), self._encoder.vocabulary)

    def gather(self, items: Tensor, device: torch.device) -> Tokens:
        """Of items (n,), a CPU tensor."""
        at = items.numpy()
        lengths = self.lengths[at]
        longest = int(lengths.max(initial=1))
        real = np.arange(longest) < lengths[:, None]
        arrays = self.ids[at, :longest], real, self.present[at]
        return Tokens(*(send(torch.from_numpy(array), device) for array in arrays))

    def module(self, *, normalize: bool) -> TunedText:
        """What reads the tokens; it has the one copy of the weights."""
        return TunedText(self._encoder, self.method, self.bottleneck)

    def facts(self) -> dict[str, Any]:
        """What an artifact says of it."""
        width = self._encoder.widths[-1]
        return {"weights": self.weights, "widths": [width], "layers": [0], "precision": "fp32"}


def reopen(
    art: Artifact, settings: EncoderSettings, method: str, bottleneck: int, facts: Mapping[str, Any]
) -> TunedText:
    """The encoder of an artifact as it was before it learned; what is added to it takes no memory
    yet. `facts` are what the artifact says of its tower."""
    tower = TextTower(settings, [], method, bottleneck)
    if tower.facts() != facts:
        told = f"an encoder was another {settings.model} than is here"
        raise ArtifactError(told, where=str(art.folder))
    with torch.device("meta"):
        return tower.module(normalize=False)


def rates(model: nn.Module, rate: float) -> dict[str, float]:
    """The learning rate of what is inside encoders, by the beginning of its weights' names."""
    found = model.named_modules()
    return {f"{name}.": rate for name, module in found if isinstance(module, TunedText)}


def own_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's state without what its encoders came with and never changed."""
    state = dict(model.state_dict())
    for name, module in model.named_modules():
        if isinstance(module, TunedText):
            start = f"{name}.network."
            learned = {
                f"{start}{n}" for n, p in module.network.named_parameters() if p.requires_grad
            }
            for key in [k for k in state if k.startswith(start) and k not in learned]:
                del state[key]
    return state


def fill(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put what was learned, as `own_state` gave it, into a model of which all but the encoders is
    on the meta device."""
    for part in model.modules():
        own = (*part.parameters(recurse=False), *part.buffers(recurse=False))
        if all(tensor.is_meta for tensor in own):
            part.to_empty(device="cpu", recurse=False)
    model.load_state_dict(weights, strict=False)
