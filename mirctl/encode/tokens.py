"""Texts as the tokens of a Hugging Face tokenizer, with the places of their characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mirctl.encode.pretrained import quiet, refuse_foreign
from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mirctl.hub import Model


class Places:
    """Texts -> ids (tokens,) int64 of each, without the marks of the tokenizer's own, and the
    characters (tokens, 2) that they cover."""

    def __init__(
        self, model: Model, tokenizer: PreTrainedTokenizerBase, vocabulary: int | None
    ) -> None:
        """`vocabulary`: tokens that the weights know; None: not to be looked at."""
        if not tokenizer.is_fast:
            told = "its tokenizer does not say where its tokens stand: it needs a tokenizer.json"
            raise MissingError(quoted(model, told), where=str(model.folder))
        self.model, self.tokenizer, self.vocabulary = model, tokenizer, vocabulary
        self.before, self.behind = _marks(tokenizer)
        """What the tokenizer puts before a text, and behind."""

    def __call__(self, texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not texts:
            return
        # A lone surrogate is no character, and tokenizers refuse it.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        with quiet():  # it warns of long texts
            found = self.tokenizer(
                clean, add_special_tokens=False, return_offsets_mapping=True,
                return_attention_mask=False, return_token_type_ids=False, verbose=False,
            )  # fmt: skip
        largest = max((max(ids, default=0) for ids in found["input_ids"]), default=0)
        refuse_foreign(self.model.name, largest, self.vocabulary)
        for ids, places in zip(found["input_ids"], found["offset_mapping"], strict=True):
            yield np.array(ids, np.int64), np.array(places, np.int64).reshape(-1, 2)


def _marks(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before a text, and behind."""
    found = tokenizer("a", return_special_tokens_mask=True)
    plain = [n for n, special in enumerate(found["special_tokens_mask"]) if not special]
    if not plain:
        return [], []
    ids = list(found["input_ids"])
    return ids[: plain[0]], ids[plain[-1] + 1 :]
