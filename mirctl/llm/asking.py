"""Prompts to answers: through the cache, by a backend, checked against a schema, asked again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from mirctl import console
from mirctl.cache.kept import Kept
from mirctl.console import counted
from mirctl.errors import MissingError
from mirctl.llm import reading
from mirctl.llm.answers import Answer, Problem, Reply
from mirctl.llm.budget import Meter
from mirctl.llm.config import LlmConfig
from mirctl.llm.prompts import Prompt, Request

VERSION = 1
"""Raised whenever the same model, prompt and settings are asked for another reply."""
REASKS = 3
"""How often an answer that does not follow the schema is asked for again."""
AGAIN = (
    "That cannot be used: {problem}. Answer again with one JSON object and nothing else; it must "
    "follow this JSON schema:\n{schema}"
)
SHORTER = "the answer was cut off after {tokens} tokens, so it must be shorter"
REFUSALS = ("refusal", "content_filter")
Form = dict[str, Any]
"""A JSON schema."""
Schema = TypeVar("Schema", bound=BaseModel)


class Backend(Protocol):
    """What answers requests: a server, or a local model."""

    name: str
    """For people."""
    identity: str
    """What else than a request decides its reply; no secret."""

    def answer(self, requests: Sequence[Request], take: Callable[[int, Reply], None]) -> None:
        """Call `take` with the number of each request and its reply, as they come."""


class LanguageModel:
    """A language model that is asked many things at once; no request is made twice."""

    def __init__(self, config: LlmConfig, backend: Backend, meter: Meter) -> None:
        self.config, self.backend, self.meter = config, backend, meter
        self.kept = Kept(
            "answers",
            hashlib.sha256(backend.identity.encode()).hexdigest(),
            f"answers of {backend.name}",
        )

    def ask(
        self, prompts: Sequence[str | Prompt], schema: type[Schema] | None = None
    ) -> list[Answer]:
        """An answer to each prompt, whose `problem` says why there is none; with a schema its
        `value` is an object of it. A MissingError only where a server answered nothing at all."""
        form = None if schema is None else reading.form(schema)
        talks = [Talk(Prompt.of(prompt), self.config.seed, schema, form) for prompt in prompts]
        with self._keeping():
            for turn in range(1 + REASKS):
                open_ = [talk for talk in talks if talk.wants is not None]
                if not open_:
                    break
                self.meter.reasked += len(open_) if turn else 0
                for talk, (reply, cached) in zip(open_, self._replies(open_), strict=True):
                    talk.hear(reply, cached, last=turn == REASKS)
        answers = [talk.answer() for talk in talks]
        self._tell(answers)
        return answers

    def facts(self) -> dict[str, object]:
        """For a report: what was asked, and what it cost."""
        return {"model": self.backend.name, "identity": self.backend.identity, **self.meter.facts()}

    def _replies(self, talks: Sequence[Talk]) -> list[tuple[Reply, bool]]:
        """Of each talk's request, and whether it was known; the same request is made once."""
        requests = [talk.wants for talk in talks]
        keys = [self._key(request) for request in requests]
        known = {key: Reply.unpacked(c) for key, c in self.kept.find([*{*keys}]).items()}
        lacking = {k: r for k, r in zip(keys, requests, strict=True) if k not in known}
        replies, order = dict(known), list(lacking)
        label = f"asking {self.backend.name}"
        with console.progress(label, len(lacking), "prompts") as advance:

            def take(n: int, reply: Reply) -> None:
                replies[order[n]] = reply
                if reply.problem is None:
                    self.kept.add({order[n]: reply.packed()})
                advance(1)

            if lacking:
                self.backend.answer(list(lacking.values()), take)
        self.meter.cached += len(known)
        return [(replies[key], key in known) for key in keys]

    def _key(self, request: Request) -> bytes:
        facts = {
            "version": VERSION, "messages": request.messages, "seed": request.seed,
            "prompt": request.prompt.version, "draw": request.prompt.draw, "schema": request.schema,
            "temperature": self.config.temperature, "top_p": self.config.top_p,
            "max_tokens": self.config.max_tokens,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """What was answered is written down, also where the work ends in the middle."""
        try:
            yield
        finally:
            self.kept.commit()
            self.kept.compact()

    def _tell(self, answers: Sequence[Answer]) -> None:
        """Say what has no answer; raise where that is all, and the server's fault."""
        problems = [answer.problem for answer in answers if answer.problem]
        self.meter.failed.update(problem.kind for problem in problems)
        if not problems:
            return
        kinds = Counter(problem.kind for problem in problems).most_common()
        if kinds == [("server", len(answers))]:
            raise MissingError(problems[0].told)
        first = {problem.kind: problem.told for problem in reversed(problems)}
        told = "; ".join(f"{count:,} x {kind} ({first[kind]})" for kind, count in kinds)
        console.warn(f"{len(problems):,} of {counted(len(answers), 'prompt')} unanswered: {told}")


class Talk:
    """One prompt, until it is answered or given up."""

    def __init__(
        self, prompt: Prompt, seed: int, schema: type[BaseModel] | None, form: Form | None
    ) -> None:
        self.schema, self.form = schema, form
        """What the answer should be, and the same as a JSON schema."""
        self.wants: Request | None = Request(prompt, (seed + prompt.draw) % 2**31, form)
        self.heard: list[Reply] = []
        self.value: BaseModel | None = None
        self.problem: Problem | None = None
        self.cached = True

    def hear(self, reply: Reply, cached: bool, *, last: bool) -> None:
        """Take a reply; afterwards `wants` is what must be asked next."""
        asked, self.wants = self.wants, None
        self.heard.append(reply)
        self.cached &= cached
        # Where the talk has become too long, what was wrong before is what matters.
        too_long = reply.problem and reply.problem.kind == "prompt" and self.problem
        self.problem = (too_long and self.problem) or reply.problem or self._judged(reply)
        if self._may_mend and not (reply.problem or last):
            told = AGAIN.format(problem=self.problem, schema=json.dumps(self.form))
            self.wants = replace(asked, prompt=asked.prompt.then(reply.text, told))

    @property
    def _may_mend(self) -> bool:
        """Is it worth asking again?"""
        kind = self.problem.kind if self.problem else None
        return self.schema is not None and kind in ("cut", "schema")

    def _judged(self, reply: Reply) -> Problem | None:
        """Why a reply cannot be used; None of a good one."""
        text = reading.spoken(reply.text)
        if reply.finish in REFUSALS:
            return Problem("refusal", f"the model refuses: {text[:200] or reply.finish}")
        if self.schema is not None:
            return self._read(reply)
        if text:
            return None
        if reply.finish == "length":
            return Problem("cut", SHORTER.format(tokens=reply.answer_tokens))
        return Problem("empty", "the answer is empty")

    def _read(self, reply: Reply) -> Problem | None:
        try:
            self.value = reading.read(reply.text, self.schema, self.form)
        except reading.Unfit as error:
            if reply.finish == "length":
                return Problem("cut", SHORTER.format(tokens=reply.answer_tokens))
            return Problem("schema", str(error))
        return None

    def answer(self) -> Answer:
        """What came of it."""
        last = self.heard[-1]
        return Answer(
            reading.spoken(last.text) if last.problem is None else "",
            self.value,
            self.problem,
            last.finish,
            sum(reply.prompt_tokens for reply in self.heard),
            sum(reply.answer_tokens for reply in self.heard),
            len(self.heard),
            self.cached,
        )


def connect(
    model: str | LlmConfig, *, device: str = "auto", precision: str = "auto"
) -> LanguageModel:
    """The model of a name or a config; a local one is read for the first prompt that is new."""
    config = model if isinstance(model, LlmConfig) else LlmConfig(model=model)
    meter = Meter(config.budget_requests, config.budget_tokens)
    if config.is_remote:
        from mirctl.llm.server import Server

        return LanguageModel(config, Server(config, meter), meter)
    from mirctl.llm.local import Local

    return LanguageModel(config, Local(config, meter, device, precision), meter)
