"""What a reward model is shown: dialogues, and pairs of them of which people liked one more."""

from dataclasses import dataclass

import numpy as np

RAW = "text"
"""Role of a text that is no turn of a dialogue: it is shown as it is."""
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Message:
    """One turn."""

    role: str
    """One of ROLES, or RAW."""
    content: str


Dialogue = tuple[Message, ...]
"""A prompt's messages and the response's, the last one; or a single raw text."""


@dataclass(frozen=True)
class Pair:
    """Two dialogues; their first messages are the same prompt."""

    chosen: Dialogue
    rejected: Dialogue
    where: str
    """File and line, for messages about it."""
    margin: float = 0.0
    """How much better the chosen one is at least, in units of reward."""
    weight: float = 1.0
    """How much the pair counts in the loss."""
    target: float = 1.0
    """Probability that the chosen one is better; .5 is a tie."""
    subset: str = ""
    """The group in which it is measured."""
    gaze: tuple[np.ndarray, np.ndarray] | None = None
    """Measured while people read the last message of each: (words, measures); NaN is unknown."""

    @property
    def tie(self) -> bool:
        return self.target == 0.5
