"""A language model is asked what users would like of what is on offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from mirctl import console, llm
from mirctl.errors import DataError, MissingError, UsageError
from mirctl.llm import Answer, LanguageModel, Template
from mirctl_rl import matching
from mirctl_rl.states import Drawing, State

PROMPTS = Path(__file__).parent / "prompts"
FIELDS = ("history", "offer", "scale")
NEEDED = ("history", "offer")


class Like(BaseModel):
    """What an answer says: a title, of which no more is read than is shown of one."""

    like: str = Field(max_length=matching.LONGEST + 20)


@dataclass
class Asked:
    """What became of the prompts."""

    likes: list[np.ndarray | None]
    """(m,) float32 of each state; None without an answer that can be used."""
    exact: int = 0
    missed: int = 0
    """Titles that stood on offer word for word, and those that did not at all."""
    rejected: int = 0
    unasked: int = 0
    """Answers that are none, and states that the budget did not reach."""
    tokens: int = 0
    """Read and written for these answers, whenever that was."""

    def counts(self) -> dict[str, int]:
        """For a report."""
        answered = sum(like is not None for like in self.likes)
        told = {key: value for key, value in vars(self).items() if key != "likes"}
        return {"states": len(self.likes), "answered": answered, **told}


def template(path: Path | None) -> Template:
    """The prompt's template, the plugin's own or a file; one that does not ask is refused."""
    found = llm.template("like" if path is None else path, PROMPTS)
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
    answers = model.ask([form.fill(filled(drawing, state)) for state in drawn], Like)
    _refuse_gone(answers)
    found = Asked([])
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
    match = matching.match(answer.value.like, [drawing.keys[item] for item in state.offer])
    found.exact += match.exact
    if match.place is None:
        found.missed += 1
        return None
    return (np.arange(len(state.offer)) == match.place).astype(np.float32)


def _refuse_gone(answers: Sequence[Answer]) -> None:
    """Raise a MissingError where the server was lost in the middle."""
    lost = [a.problem.told for a in answers if a.problem and a.problem.hopeless]
    if lost:
        done = console.counted(sum(answer.problem is None for answer in answers), "answer")
        told = f"{lost[0]}; {done} are kept, and the same command goes on from there"
        raise MissingError(told)
