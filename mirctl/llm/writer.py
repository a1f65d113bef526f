"""A causal language model in memory: tokens of prompts in, texts out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jinja2 import TemplateError

from mirctl.encode import pretrained
from mirctl.encode.protocol import quoted
from mirctl.errors import UsageError
from mirctl.llm.answers import Reply
from mirctl.llm.config import LlmConfig
from mirctl.llm.drawing import Draws, Grammar, for_grammars
from mirctl.llm.prompts import Request

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from mirctl.hub import Model

REFUSALS = (TemplateError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What a chat template may raise."""


class Writer:
    """A network and its tokenizer."""

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype) -> None:
        from transformers import AutoModelForCausalLM

        self.model, self.tokenizer = model, pretrained.tokenizer_of(model)
        self.network = pretrained.read(model, AutoModelForCausalLM, device, dtype)
        told = self.network.generation_config.eos_token_id
        own = told if isinstance(told, list) else [told]
        self.ends = sorted({n for n in [*own, self.tokenizer.eos_token_id] if n is not None})
        """Tokens that end an answer."""
        text = self.network.config.get_text_config()
        self.positions = getattr(text, "max_position_embeddings", None)
        self.vocabulary = pretrained.vocabulary(self.network) or len(self.tokenizer)

    @cached_property
    def grammars(self) -> LLTokenizer:
        """Made once: it takes a second."""
        return for_grammars(self.tokenizer, self.vocabulary, self.ends)

    def tokens(self, request: Request) -> list[int]:
        """A prompt by the model's chat template; where there is none, its texts with a blank line
        between."""
        chats = bool(getattr(self.tokenizer, "chat_template", None))
        turns = request.messages
        text = self._chat(turns) if chats else "\n\n".join(turn["content"] for turn in turns)
        with pretrained.quiet():  # it warns of long texts
            found = self.tokenizer(text, add_special_tokens=not chats, verbose=False)["input_ids"]
        pretrained.refuse_foreign(self.model.name, max(found, default=0), self.vocabulary)
        return list(found)

    def refusal(self, length: int, more: int) -> str | None:
        """Why a prompt of so many tokens cannot be answered with so many more."""
        if not length:
            return "the prompt is empty"
        if isinstance(self.positions, int) and 0 < self.positions < length + more:
            told = f"the prompt has {length:,} tokens, and with max_tokens {more:,} that is more"
            return f"{told} than the {self.positions:,} that {self.model.name!r} reads"
        return None

    @torch.no_grad()
    def write(
        self, rows: Sequence[Sequence[int]], requests: Sequence[Request], config: LlmConfig
    ) -> list[Reply]:
        """A reply to each row of tokens."""
        from transformers import GenerationConfig

        ids, mask = self._padded(rows)
        settings = GenerationConfig(
            do_sample=False, num_beams=1, max_new_tokens=config.max_tokens,
            pad_token_id=self._padding, eos_token_id=self.ends or None,
        )  # fmt: skip
        with pretrained.quiet():
            made = self.network.generate(
                ids, attention_mask=mask, generation_config=settings,
                logits_processor=self._processors(requests, config),
            )  # fmt: skip
        new = made[:, ids.shape[1] :].tolist()
        return [self._reply(row, of) for row, of in zip(rows, new, strict=True)]

    def _processors(self, requests: Sequence[Request], config: LlmConfig) -> list[Grammar | Draws]:
        found: list[Grammar | Draws] = []
        if requests[0].schema is not None:
            found.append(Grammar(self.grammars, requests[0].schema, len(requests)))
        if config.temperature > 0:
            found.append(Draws(requests, config.temperature, config.top_p))
        return found

    def _reply(self, row: Sequence[int], new: list[int]) -> Reply:
        """What was written up to the first end."""
        stop = next((n for n, token in enumerate(new) if token in self.ends), None)
        text = self.tokenizer.decode(new[:stop], skip_special_tokens=True)
        written = len(new) if stop is None else stop + 1
        return Reply(text, "length" if stop is None else "stop", len(row), written)

    @property
    def _padding(self) -> int:
        known = (self.tokenizer.pad_token_id, *self.ends, 0)
        return next(token for token in known if token is not None)

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, each (rows, tokens), padded left."""
        length = max(map(len, rows))
        ids = torch.full((len(rows), length), self._padding)
        mask = torch.zeros_like(ids)
        for n, row in enumerate(rows):
            ids[n, length - len(row) :] = torch.tensor(row)
            mask[n, length - len(row) :] = 1
        device = self.network.device
        return ids.to(device), mask.to(device)

    def _chat(self, turns: list[dict[str, str]]) -> str:
        """By the chat template; what it takes no system's message for is said by the user."""
        first, *rest = turns
        try:
            return self._applied(turns)
        except REFUSALS as error:
            if first["role"] != "system" or not rest:
                told = f"its chat template fails: {error}"
                raise UsageError(quoted(self.model, told)) from error
        content = f"{first['content']}\n\n{rest[0]['content']}"
        return self._chat([{"role": "user", "content": content}, *rest[1:]])

    def _applied(self, turns: list[dict[str, str]]) -> str:
        return self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
