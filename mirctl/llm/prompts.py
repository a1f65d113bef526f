"""What is asked: messages, and the number of the draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Message:
    """One turn of a talk."""

    role: str
    content: str


@dataclass(frozen=True)
class Prompt:
    """Messages that want an answer."""

    messages: tuple[Message, ...]
    version: str = ""
    """Of the template that they come from."""
    draw: int = 0
    """One prompt has another answer for each draw, where answers are drawn."""

    @classmethod
    def of(cls, prompt: str | Prompt) -> Prompt:
        """A text is what the user says."""
        return cls((Message("user", prompt),)) if isinstance(prompt, str) else prompt

    def then(self, answer: str, more: str) -> Prompt:
        """The talk goes on: what was answered, and what is said to that."""
        turns = (Message("assistant", answer), Message("user", more))
        return replace(self, messages=(*self.messages, *turns))


@dataclass(frozen=True)
class Request:
    """A prompt, and the JSON schema that its answer should follow."""

    prompt: Prompt
    seed: int
    schema: Mapping[str, Any] | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """As the protocol and chat templates have them."""
        # A lone surrogate is no character: neither JSON in UTF-8 nor a tokenizer takes it.
        return [
            {"role": turn.role, "content": turn.content.encode("utf-8", "replace").decode()}
            for turn in self.prompt.messages
        ]
