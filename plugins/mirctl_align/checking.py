"""Does a reward model give a text one score, whatever stands beside it, however it is padded?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console
from mirctl.console import counted
from mirctl.errors import DataError, MissingError
from mirctl.tables import require_columns
from mirctl_align.pairs.rows import rows, shown
from mirctl_align.subjects import Ours, Subject, open_subject

REFUSALS = (ValueError, RuntimeError, IndexError, TypeError, KeyError, AttributeError)
"""What a model may raise that cannot do what it is asked."""
TEXTS = (
    "Yes.",
    "The capital of France is Paris.",
    "I would not do that: bleach and ammonia make a gas that hurts the lungs.",
    "Boil the pasta for nine minutes, and keep a cup of its water for the sauce.",
    "No, why?",
    "There are three reasons. The first is the price, the second is the weather in May, and the "
    "third is that nobody will be there to open the door when you arrive with all your bags.",
    "def double(x): return 2 * x",
    "It depends on what you want to say with it, and to whom.",
)
"""What is asked where nobody names texts: of unlike lengths, none of them a prompt."""


@dataclass(frozen=True)
class Row:
    """One question and its answer."""

    test: str
    difference: float | None
    """Largest one of the scores; None where there are none."""
    limit: float | None
    """None: told, not judged."""
    note: str = ""

    @property
    def passed(self) -> bool | None:
        if self.limit is None:
            return None
        return self.difference is not None and self.difference <= self.limit


@dataclass(frozen=True)
class Report:
    """All answers about one model."""

    model: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> list[str]:
        return [row.test for row in self.rows if row.passed is False]

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """`difference.TEST` of each, and how many failed."""
        told = {f"difference.{row.test.replace(' ', '-')}": {"value": row.difference}
                for row in self.rows}  # fmt: skip
        return {**told, "failed": {"value": len(self.failed)}}

    def shown(self) -> str:
        """A table for people."""
        said = {None: "", True: "yes", False: "NO"}
        lines = [
            [row.test, _number(row.difference), _number(row.limit), said[row.passed], row.note]
            for row in self.rows
        ]
        columns = ["test", "largest difference", "limit", "passed", "note"]
        return console.table(columns, lines, left=(0, 3, 4))

    @property
    def missed(self) -> list[str]:
        """Why the command fails."""
        told = f"{self.model}: {len(self.failed)} of {len(self.rows)} checks failed"
        return [f"{told}: {', '.join(self.failed)}"] if self.failed else []


def texts_of(table: str) -> list[str]:
    """The texts of a table to ask a model, at least two and none blank."""
    texts = []
    for where, row in rows(table):
        require_columns(["text"], list(row), where)
        text = row["text"]
        if not isinstance(text, str) or not text.strip():
            told = f"text is {shown(text)}: it must be a text that is not blank"
            raise DataError(told, where=where)
        texts.append(text)
    if len(texts) < 2:
        told = f"has {counted(len(texts), 'text')}: a check wants at least two"
        raise DataError(told, where="stdin" if table == "-" else table)
    return texts


def check(
    name: str, texts: Sequence[str] | None = None, device: torch.device | str = "cpu"
) -> Report:
    """All checks of an artifact of `align train`, or of a classifier in a folder or on the hub."""
    place = torch.device(device)
    with torch.no_grad():
        subject = open_subject(name, texts or TEXTS, place)
        try:
            _ = subject.alone
        except REFUSALS as error:
            raise MissingError(f"model {name!r} scores no text: {error}") from error
        return Report(name, tuple(_rows(subject, place)))


def _rows(subject: Subject, device: torch.device) -> Iterator[Row]:
    every = range(len(subject.texts))
    backwards, pairs = every[::-1], [every[n : n + 2] for n in every[::2]]
    for side in ("right", "left"):
        found = _asked(subject, f"padded {side}", lambda side=side: subject.scores(every, side))
        if side in subject.sides:
            yield found
        else:
            yield replace(found, limit=None, note="its tokenizer pads at the other end")
    yield _asked(subject, "other order", lambda: subject.scores(backwards).flip(0))
    yield _asked(subject, "other company", lambda: torch.cat([subject.scores(p) for p in pairs]))
    if subject.ends is None:
        yield Row("padding is the end token", None, None, "the tokenizer has no end token")
    else:
        ended, padded = subject.ended(), subject.padded_with_end()
        yield _asked(ended, "padding is the end token", lambda: padded.scores(every))
    if isinstance(subject, Ours):
        yield from _again(subject)
    with torch.autocast(device.type, torch.bfloat16):
        found = _asked(subject, "in bf16", lambda: torch.cat([subject.scores([n]) for n in every]))
    yield replace(found, limit=None, note=found.note or "rounding, for information")


def _again(subject: Ours) -> Iterator[Row]:
    """Read a second time, and with the updates merged."""
    every, copied = range(len(subject.texts)), subject.again()
    yield Row("read again", _difference(copied.scores(every), subject.scores(every)), 0.0)
    if not copied.opened.model.full:
        copied.merge()
        yield _asked(subject, "updates merged", lambda: copied.scores(every))


def _asked(subject: Subject, test: str, ask: Callable[[], Tensor], note: str = "") -> Row:
    """What is asked should give the scores that the texts have alone."""
    try:
        return Row(test, _difference(ask(), subject.alone), subject.limit, note)
    except REFUSALS as error:
        return Row(test, None, subject.limit, str(error).strip().partition("\n")[0][:200])


def _difference(found: Tensor, wanted: Tensor) -> float:
    largest = float((found - wanted).abs().max())
    return largest if np.isfinite(largest) else float("inf")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
