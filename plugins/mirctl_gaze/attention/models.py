"""Any Hugging Face encoder or decoder, whose attention is taken and dropped layer by layer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.console import counted
from mirctl.encode.pretrained import backbone, refuse_foreign, tokenizer_of, tower, vocabulary
from mirctl.errors import MissingError, RunError
from mirctl.hub import Model
from mirctl.words.alignment import align
from mirctl.words.text import Text
from mirctl_gaze.attention.scores import Column, Scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CHARACTERS_PER_TOKEN = 64
"""A text of more characters than these for each token that a model reads is not even tokenized."""
ROUNDING = 0.02
"""By how much the weights of a row may sum to more than 1: in half precision."""


class Unreadable(Exception):
    """The model cannot read a text, or not to its end; the message says why."""


class AttentionModel:
    """Texts, one at a time, to the attention that their words get in each layer."""

    def __init__(
        self, network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", name: str,
        *, heads: bool = False,
    ) -> None:  # fmt: skip
        if not tokenizer.is_fast:
            raise MissingError(
                f"model {name!r}: its tokenizer does not tell which characters a token covers: "
                "one with a tokenizer.json is needed"
            )
        self.network, self.tokenizer, self.name, self.heads = network, tokenizer, name, heads
        self.most, self.vocabulary = most_tokens(network, tokenizer), vocabulary(network)
        self.columns: Sequence[Column] = ()
        """Of all texts, once the first one was read."""
        self._scores: Scores | None = None
        watch(network, self._take)

    @classmethod
    def load(
        cls, model: Model, device: torch.device, dtype: torch.dtype, *, heads: bool = False
    ) -> "AttentionModel":
        """Read tokenizer and weights."""
        tokenizer = tokenizer_of(model)
        network = tower(backbone(model, device, dtype, attention="eager"))
        return cls(network, tokenizer, model.name, heads=heads)

    def read(self, text: Text) -> np.ndarray:
        """(words, columns): the sum over each word's tokens, NaN for a word without one."""
        ids, offsets = self._tokens(text.text)
        covers = torch.tensor(offsets[:, 1] > offsets[:, 0], device=self.network.device)
        if not covers.any():
            raise Unreadable("its tokenizer makes no token of it")
        scores = self._scores = Scores(covers, self.heads)
        try:
            self._run(ids)
        finally:
            self._scores = None
        self._check(scores)
        values = torch.stack(scores.values, 1).double().cpu().numpy()
        return align(text.spans, offsets).to_words(values, "sum")

    def _tokens(self, text: str) -> tuple[list[int], np.ndarray]:
        """Token ids and the characters (tokens, 2) that each covers."""
        if self.most and len(text) > self.most * CHARACTERS_PER_TOKEN:
            raise Unreadable(
                f"{len(text):,} characters are too many: it reads {self.most:,} tokens"
            )
        # A lone surrogate is no character, and tokenizers refuse it.
        clean = text.encode("utf-8", "replace").decode()
        found = self.tokenizer(clean, return_offsets_mapping=True, verbose=False)
        ids = found["input_ids"]
        if self.most and len(ids) > self.most:
            raise Unreadable(f"{len(ids):,} tokens are too many: it reads {self.most:,}")
        return ids, np.array(found["offset_mapping"], np.int64).reshape(-1, 2)

    def _run(self, ids: list[int]) -> None:
        refuse_foreign(self.name, max(ids), self.vocabulary)
        row = torch.tensor([ids], device=self.network.device)
        try:
            with torch.inference_mode():
                # Some families make the map only where it is asked for.
                self.network(
                    input_ids=row, attention_mask=torch.ones_like(row), output_attentions=True
                )
        except (TypeError, AttributeError, ValueError) as error:
            raise MissingError(self._shows_none(f": {error}")) from error
        except (IndexError, RuntimeError) as error:
            if "out of range" not in str(error) and "out of bounds" not in str(error):
                raise
            # The ids are in their table, so it is that of the positions.
            raise Unreadable(f"{len(ids):,} tokens are too many") from error

    def _take(self, weights: Tensor) -> bool:
        """Is this a map of the text that is read? If so, count it in."""
        if self._scores is None or not _is_map(weights, len(self._scores.text)):
            return False
        self._scores.add(weights[0])
        return True

    def _check(self, scores: Scores) -> None:
        if not scores.columns:
            raise MissingError(self._shows_none())
        if self.columns and scores.columns != self.columns:
            raise RunError(
                f"model {self.name!r} shows {counted(scores.layers, 'layer')} of attention in one "
                "text and others in another: its numbers may overflow, try --precision fp32"
            )
        self.columns = scores.columns

    def _shows_none(self, why: str = "") -> str:
        return f"model {self.name!r} shows no attention from each token to each{why}"


def watch(network: nn.Module, take: Callable[[Tensor], bool]) -> None:
    """Offer `take` all that a module gives beside its states; what it takes goes no further."""

    def given(module: nn.Module, inputs: tuple, output: object) -> tuple | None:
        if not isinstance(output, tuple):
            return None
        for place, part in enumerate(output):
            if place and isinstance(part, Tensor) and take(part):
                return (*output[:place], None, *output[place + 1 :])
        return None

    for module in network.modules():
        module.register_forward_hook(given)


def _is_map(weights: Tensor, tokens: int) -> bool:
    """Of a batch of one, by heads, a square of shares: rows that sum to 1, or to less where a sink
    takes its part. Some families hand on biases of the same shape."""
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[2:] != (tokens, tokens):
        return False
    sums = weights.sum(-1, dtype=torch.float32)
    fits = (weights >= 0).all() & (sums > 0).all() & (sums <= 1 + ROUNDING).all()
    return bool(fits)


def most_tokens(network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """How many tokens a model reads; None where there is no limit."""
    positions = getattr(network.config, "max_position_embeddings", None)
    limits = [tokenizer.model_max_length]
    if isinstance(positions, int) and positions > 0:  # -1: no limit
        limits.append(positions - _skipped(network))
    least = min(limits)
    return least if least < 1 << 40 else None


def _skipped(network: nn.Module) -> int:
    """Positions before the first token's: RoBERTa's family counts from its padding token on."""
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0
