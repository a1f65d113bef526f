"""A causal language model of Hugging Face on this machine, read once, asked in batches.

Rows of a batch are padded left and choose their tokens on their own: a prompt's answer does not
depend on the prompts beside it, but for the rounding of their sums.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from mirctl import device as devices
from mirctl import hub
from mirctl.errors import UsageError
from mirctl.hub import contents
from mirctl.llm.answers import Problem, Reply
from mirctl.llm.budget import Meter
from mirctl.llm.config import LlmConfig
from mirctl.llm.prompts import Request

if TYPE_CHECKING:
    from mirctl.llm.writer import Writer

Take = Callable[[int, Reply], None]


class Local:
    """Answers requests with a model on this disk."""

    def __init__(self, config: LlmConfig, meter: Meter, device: str, precision: str) -> None:
        self.config, self.meter = config, meter
        self.device = devices.choose(device)
        self.dtype = devices.precision(precision, self.device)
        self.model = hub.resolve(config.model)
        if not contents.is_transformers(self.model.folder):
            raise UsageError(f"model {config.model!r} is no language model of Hugging Face")
        self.name = config.model
        digest = contents.digest(self.model.folder, speaking=True)
        self.identity = json.dumps([digest, devices.NAMES[self.dtype]])

    @cached_property
    def writer(self) -> Writer:
        """The weights are read for the first request."""
        from mirctl.llm.writer import Writer

        return Writer(self.model, self.device, self.dtype)

    def answer(self, requests: Sequence[Request], take: Take) -> None:
        """Call `take` with the number of each request and its reply; requests of like length
        share a batch, the longest first."""
        rows = [self.writer.tokens(request) for request in requests]
        waiting = sorted(range(len(rows)), key=lambda n: -len(rows[n]))
        batch: list[int] = []
        for n in waiting:
            if told := self.writer.refusal(len(rows[n]), self.config.max_tokens):
                take(n, Reply("", problem=Problem("prompt", told)))
                continue
            problem = self._taken(rows[n])
            if problem and batch:  # what is set aside may come back
                self._write(batch, rows, requests, take)
                batch, problem = [], self._taken(rows[n])
            if problem:
                take(n, Reply("", problem=problem))
                continue
            batch.append(n)
            if len(batch) == self.config.at_once:
                self._write(batch, rows, requests, take)
                batch = []
        if batch:
            self._write(batch, rows, requests, take)

    def _taken(self, row: Sequence[int]) -> Problem | None:
        return self.meter.take(len(row) + self.config.max_tokens, wait=False)

    def _write(
        self, batch: Sequence[int], rows: Sequence[Sequence[int]], requests: Sequence[Request],
        take: Take,
    ) -> None:  # fmt: skip
        replies = self._replies([rows[n] for n in batch], [requests[n] for n in batch])
        for n, reply in zip(batch, replies, strict=True):
            most = len(rows[n]) + self.config.max_tokens
            self.meter.give(most, reply.prompt_tokens, reply.answer_tokens)
            take(n, reply)

    def _replies(self, rows: Sequence[Sequence[int]], requests: Sequence[Request]) -> list[Reply]:
        """Of a batch; in halves where the device's memory does not hold it."""
        try:
            return self.writer.write(rows, requests, self.config)
        except torch.OutOfMemoryError:
            half = len(rows) // 2  # outside of this block, which holds the memory
        if half:
            first = self._replies(rows[:half], requests[:half])
            return [*first, *self._replies(rows[half:], requests[half:])]
        told = f"{len(rows[0]):,} tokens and their answer do not fit the memory of {self.device}"
        return [Reply("", problem=Problem("prompt", told))]
