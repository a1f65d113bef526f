"""A language model is asked what users would like of what is on offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, field_validator

from mirctl import console, llm
from mirctl.errors import DataError, MissingError, UsageError
from mirctl.llm import Answer, LanguageModel, Template
from mirctl_rl import matching
from mirctl_rl.states import OFFER, SHARE, Drawing, State

PROMPTS = Path(__file__).parent / "prompts"
FIELDS = ("history", "offer", "picks", "scale")
NEEDED = ("history", "offer")
MOST = OFFER // SHARE
"""Titles that are asked for."""


class Likes(BaseModel):
    """What an answer says."""

    likes: list[Annotated[str, Field(max_length=matching.LONGEST + 20)]] = Field(
        min_length=1, max_length=MOST
    )

    @field_validator("likes", mode="before")
    @classmethod
    def the_first_count(cls, value: Any) -> Any:
        """One title may stand for a list of it; of too many titles the first ones count."""
        named = [value] if isinstance(value, str) else value
        if not isinstance(named, list) or not all(isinstance(part, str) for part in named):
            return named
        return list(dict.fromkeys(named))[:MOST]


@dataclass
class Asked:
    """What became of the prompts."""

    likes: list[np.ndarray | None] = field(default_factory=list)
    """(m,) float32 of each state; None without an answer that can be used."""
    named: int = 0
    exact: int = 0
    missed: int = 0
    """Titles named, those of them that stood there word for word, and those that did not at all."""
    rejected: int = 0
    unasked: int = 0
    """States whose answer cannot be used, and those that the budget did not reach."""
    tokens: int = 0
    """Read and written for these answers, whenever that was."""

    def counts(self) -> dict[str, int]:
        """For a report."""
        answered = len(self.likes) - self.rejected - self.unasked
        names = ("rejected", "unasked", "named", "exact", "missed", "tokens")
        told = {name: getattr(self, name) for name in names}
        return {"states": len(self.likes), "answered": answered, **told}


def template(path: Path | None) -> Template:
    """The prompt's template, the plugin's own or a file; one that does not ask is refused."""
    found = llm.template("likes" if path is None else path, PROMPTS)
    if lacking := [name for name in NEEDED if name not in found.fields]:
        told = f"lacks {{{lacking[0]}}}, without which there is nothing to answer"
        raise UsageError(f"{told}; it may have {', '.join(FIELDS)}", where=found.name)
    found.fill(dict.fromkeys(FIELDS, ""))
    return found


def ask(model: LanguageModel, form: Template, drawing: Drawing, drawn: Sequence[State]) -> Asked:
    """Ask about every state, through the cache; what a budget does not reach stays unasked."""
    if not any(drawing.keys):
        told = "the simulator's items have no titles: a language model has nothing to go by"
        raise DataError(told, where="teacher")
    answers = model.ask([form.fill(filled(drawing, state)) for state in drawn], Likes)
    _refuse_gone(answers)
    found = Asked()
    for state, answer in zip(drawn, answers, strict=True):
        found.tokens += answer.prompt_tokens + answer.answer_tokens
        found.likes.append(_liked(drawing, state, answer, found))
    return found


def filled(drawing: Drawing, state: State) -> dict[str, object]:
    """The fields of a prompt."""
    value = drawing.known.value
    titles = [drawing.keys[item] or "(no title)" for item in state.history]
    ratings = [f" (rated {rating:g})" if drawing.rated else "" for rating in state.value]
    scale = f" (ratings go from {value.min():g} to {value.max():g})" if drawing.rated else ""
    return {
        "history": _lines([t + r for t, r in zip(titles, ratings, strict=True)]),
        "offer": _lines([drawing.keys[item] for item in state.offer]),
        "picks": state.picks,
        "scale": scale,
    }


def _lines(parts: Sequence[str]) -> str:
    return "\n".join(f"- {part}" for part in parts)


def _liked(drawing: Drawing, state: State, answer: Answer, found: Asked) -> np.ndarray | None:
    """(m,) 1 for what is named; None, and counted, where nothing on offer is."""
    if answer.problem:
        unasked = answer.problem.kind == "budget"
        found.unasked += unasked
        found.rejected += not unasked
        return None
    titles = [drawing.keys[item] for item in state.offer]
    like = np.zeros(len(titles), np.float32)
    for named in answer.value.likes[: state.picks]:
        match = matching.match(named, titles)
        found.named += 1
        found.exact += match.exact
        found.missed += match.place is None
        if match.place is not None:
            like[match.place] = 1
    found.rejected += not like.any()
    return like if like.any() else None


def _refuse_gone(answers: Sequence[Answer]) -> None:
    """Raise a MissingError where the server was lost in the middle."""
    lost = [a.problem.told for a in answers if a.problem and a.problem.hopeless]
    if lost:
        done = console.counted(sum(answer.problem is None for answer in answers), "answer")
        told = f"{lost[0]}; {done} are kept, and the same command goes on from there"
        raise MissingError(told)
