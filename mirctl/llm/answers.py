"""What comes back: replies of a model, and what is made of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["server", "prompt", "cut", "schema", "refusal", "empty", "budget"]
"""Why there is no answer: the server is in trouble, the prompt cannot be read, the answer is cut
off, does not follow the schema, is a refusal, is empty, or was not asked for."""


@dataclass(frozen=True)
class Problem:
    """Why there is no answer that can be used."""

    kind: Kind
    told: str
    hopeless: bool = False
    """The next prompt would end the same way."""

    def __str__(self) -> str:
        return self.told


@dataclass(frozen=True)
class Reply:
    """What a model says to one request."""

    text: str
    finish: str = "stop"
    """`length`: cut off; `refusal` and `content_filter`: it will not say it."""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    counted: bool = True
    """False where nobody counted the tokens, and they are estimated."""
    problem: Problem | None = None
    """Why there is none."""

    def packed(self) -> bytes:
        """For the cache."""
        facts = {name: value for name, value in asdict(self).items() if name != "problem"}
        return json.dumps(facts).encode()

    @classmethod
    def unpacked(cls, content: bytes) -> Reply:
        """What `packed` packed."""
        return cls(**json.loads(content))


@dataclass(frozen=True)
class Answer:
    """The answer to a prompt."""

    text: str
    """What was said in the end, without what was thought before."""
    value: Any = None
    """With a schema, the object that follows it."""
    problem: Problem | None = None
    """Why it cannot be used; None of a good one."""
    finish: str = "stop"
    prompt_tokens: int = 0
    answer_tokens: int = 0
    turns: int = 1
    """How often it was asked for, until it followed the schema."""
    cached: bool = False
    """Was nobody asked?"""
