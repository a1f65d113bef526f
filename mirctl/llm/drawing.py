"""How the next token is chosen, for each row of a batch on its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mirctl.errors import MissingError, UsageError
from mirctl.llm.prompts import Request

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from transformers import PreTrainedTokenizerBase

COMPACT = {"whitespace_flexible": False}
"""Else a weak model may write blanks without end."""
FEW = 1024
"""Tokens that mostly sum to top-p: to sort a whole vocabulary takes longer than to compute it."""
HIGHEST = 1 - 1e-6
"""A draw of 1 would be behind the last token."""


class Draws:
    """Tokens drawn by temperature and top-p: what a row draws depends on its request alone."""

    def __init__(self, requests: Sequence[Request], temperature: float, top_p: float) -> None:
        self.temperature, self.top_p = temperature, top_p
        self.rows = [np.random.default_rng(_seed(request)) for request in requests]

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(rows, tokens), (rows, vocabulary) -> (rows, vocabulary), -inf but for one token."""
        chances, tokens = (scores.float() / self.temperature).softmax(1), None
        if self.top_p < 1:
            chances, tokens = self._likeliest(chances)
        total = chances.cumsum(1)
        points = torch.tensor([[min(row.random(), HIGHEST)] for row in self.rows])
        chosen = torch.searchsorted(total, points.to(total) * total[:, -1:], right=True)
        if tokens is not None:
            chosen = tokens.gather(1, chosen)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)

    def _likeliest(self, chances: Tensor) -> tuple[Tensor, Tensor]:
        """Those that sum to top-p, others 0, and their tokens, each (rows, some or all)."""
        found, tokens = chances.topk(min(FEW, chances.shape[1]))
        if found.sum(1).min() < self.top_p:
            found, tokens = chances.sort(1, descending=True)
        # The likeliest token stays whatever top-p is.
        return found.masked_fill(found.cumsum(1) - found >= self.top_p, 0.0), tokens


class Grammar:
    """Lets through what follows a JSON schema."""

    def __init__(self, tokenizer: LLTokenizer, schema: Mapping[str, Any], rows: int) -> None:
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=COMPACT)
        if wrong := LLMatcher.validate_grammar(grammar, tokenizer):
            raise UsageError(f"a schema that no answer can be held to: {wrong.splitlines()[0]}")
        self.tokenizer = tokenizer
        self.rows = [LLMatcher(tokenizer, grammar) for _ in range(rows)]
        self.started = False

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(rows, tokens), (rows, vocabulary) -> (rows, vocabulary), -inf where it does not fit."""
        # Its own torch functions would be compiled first, which takes a minute.
        from llguidance import numpy as masks

        if self.started:
            for row, token in zip(self.rows, ids[:, -1].tolist(), strict=True):
                if not row.is_stopped():
                    row.consume_token(token)
        self.started = True
        bits = masks.allocate_token_bitmask(len(self.rows), scores.shape[1])
        for n, row in enumerate(self.rows):
            masks.fill_next_token_bitmask(row, bits, n)
        fits = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
        allowed = torch.from_numpy(fits.astype(bool)).to(scores.device)
        return scores.masked_fill(~allowed, -torch.inf)


def for_grammars(
    tokenizer: PreTrainedTokenizerBase, vocabulary: int, ends: list[int]
) -> LLTokenizer:
    """The tokenizer as grammars need it; a MissingError where they are not installed."""
    if find_spec("llguidance") is None:
        told = "answers of a local model are held to a schema with llguidance"
        raise MissingError(f"{told}: pip install 'mirctl[llm]'")
    from llguidance.hf import from_tokenizer

    return from_tokenizer(tokenizer, vocabulary, eos_token=ends)


def _seed(request: Request) -> list[int]:
    said = json.dumps(request.messages, sort_keys=True).encode()
    return [request.seed, *np.frombuffer(hashlib.sha256(said).digest(), np.uint32).tolist()]
