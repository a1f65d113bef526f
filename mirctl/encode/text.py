"""Any Hugging Face text model, encoder or decoder-only: pooled states of its hidden layers.

`auto` pools by the mean over the real tokens, which is what sentence encoders are trained for and
what serves a decoder-only model best without training. `last` takes the last real token.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.pretrained import backbone, refuse_foreign, tokenizer_of, tower, vocabulary
from mirctl.encode.protocol import tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import UsageError
from mirctl.hub import Model, contents

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CHARACTERS_PER_TOKEN = 64
"""Text beyond this many characters a token is cut before tokenizing: 100 kB cost what 4 kB do."""


def accepts(model: Model) -> bool:
    """Every Hugging Face model is worth a try."""
    return contents.is_transformers(model.folder)


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "TextEncoder":
    """Read tokenizer and weights."""
    tokenizer = tokenizer_of(model)
    if settings.max_tokens > tokenizer.model_max_length:
        limit = f"{settings.model!r} reads at most {tokenizer.model_max_length}"
        raise UsageError(
            f"max_tokens {settings.max_tokens} is too many: {limit}", where="max_tokens"
        )
    network = tower(backbone(model, device, dtype))
    positions = getattr(network.config, "max_position_embeddings", None)
    if isinstance(positions, int) and 0 < positions < settings.max_tokens:  # -1: no limit
        raise UsageError(
            f"max_tokens {settings.max_tokens} is too many: {settings.model!r} has {positions} "
            "positions",
            where="max_tokens",
        )
    return TextEncoder(network, tokenizer, settings)


class TextEncoder:
    """Texts -> the pooled state of each tapped layer."""

    modality = "text"

    def __init__(
        self,
        network: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        settings: EncoderSettings,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.pool = "mean" if settings.pool == "auto" else settings.pool
        self.name, self.max_tokens = settings.model, settings.max_tokens
        self.vocabulary = vocabulary(network)
        self.batch_size = settings.batch_size or 64
        self.parameters = weights_of(network)
        states = self._states([self.tokens(["a"])[0] or [0]])[0]
        self.taps = tapped(settings, len(states))
        self.widths = tuple(states[tap].shape[-1] for tap in self.taps)
        self.layers = tuple("embeddings" if tap == 0 else str(tap) for tap in self.taps)

    @property
    def padding(self) -> int:
        """The token that fills up short rows."""
        return self.tokenizer.pad_token_id or 0

    def encode(self, items: Sequence[str]) -> Tensor:
        """(texts, sum of widths); texts of like length share a batch."""
        tokens = self.tokens(items) if items else []
        order = sorted(range(len(tokens)), key=lambda n: -len(tokens[n]))
        out = torch.empty(len(tokens), sum(self.widths))
        batches = chunks([tokens[n] for n in order], self.batch_size)
        rows = on_each(self._encode, batches, self.network.device)
        out[order] = torch.cat([torch.empty(0, sum(self.widths)), *rows])
        return out

    def _encode(self, batch: Sequence[Sequence[int]]) -> Tensor:
        states, mask = self._states(batch)
        return torch.cat([pooled(states[tap], mask, self.pool) for tap in self.taps], 1).cpu()

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text, cut to `max_tokens`."""
        longest = self.max_tokens * CHARACTERS_PER_TOKEN
        # A lone surrogate is no character, and tokenizers refuse it.
        clean = [text[:longest].encode("utf-8", "replace").decode() for text in texts]
        return self.tokenizer(
            clean, truncation=True, max_length=self.max_tokens, return_attention_mask=False
        )["input_ids"]

    def _states(self, tokens: Sequence[Sequence[int]]) -> tuple[Sequence[Tensor], Tensor]:
        """Hidden states, each (texts, tokens, width), and the mask (texts, tokens) of real tokens.

        Padding stands right: positions then count from the first real token in every model.
        """
        length = max(1, *(len(row) for row in tokens))
        ids = torch.full((len(tokens), length), self.padding)
        mask = torch.zeros(len(tokens), length, dtype=torch.long)
        for n, row in enumerate(tokens):
            ids[n, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[n, : len(row)] = 1
        refuse_foreign(self.name, int(ids.max()), self.vocabulary)
        device = self.network.device
        ids, mask = ids.to(device), mask.to(device)
        try:
            output = self.network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        except (IndexError, RuntimeError) as error:
            if "out of range" not in str(error) and "out of bounds" not in str(error):
                raise
            # The ids are in their table, so it is that of the positions.
            raise UsageError(
                f"max_tokens {self.max_tokens} is too many: {self.name!r} has fewer positions",
                where="max_tokens",
            ) from error
        return output.hidden_states, mask


def pooled(states: Tensor, mask: Tensor, pool: str) -> Tensor:
    """(texts, tokens, width), (texts, tokens) -> (texts, width) float32 over the real tokens."""
    states = states.float()
    if pool == "cls":
        return states[:, 0]
    count = mask.sum(1)
    if pool == "last":
        return states[torch.arange(len(states), device=states.device), (count - 1).clamp(min=0)]
    total = (states * mask[..., None]).sum(1)
    return total / count.clamp(min=1)[:, None]
