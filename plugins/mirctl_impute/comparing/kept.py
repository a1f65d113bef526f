"""Results on disk: one line of JSON each, so that a comparison that was stopped goes on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mirctl import __version__, files
from mirctl.errors import DataError, UsageError
from mirctl_impute.comparing.case import Outcome
from mirctl_impute.comparing.plan import FILL, Plan

Key = tuple[str, int, str]
"""Case, seed, method."""


class Kept:
    """Outcomes so far; in a file, where there is one. Those that failed are tried again.

    Its first line says what the results depend on: methods, levels, mechanisms and seeds may be
    others when it goes on, all else may not.
    """

    def __init__(self, path: Path | None, about: dict[str, Any], outcomes: list[Outcome]) -> None:
        self.path, self.about = path, about
        self.outcomes: dict[Key, Outcome] = {_key(outcome): outcome for outcome in outcomes}

    def get(self, case: str, seed: int, method: str) -> Outcome | None:
        """What a method reached, if it did."""
        outcome = self.outcomes.get((case, seed, method))
        return None if outcome is None or outcome.error else outcome

    def add(self, outcome: Outcome) -> None:
        """Take in an outcome, on disk at once."""
        self.outcomes[_key(outcome)] = outcome
        self._write()

    def _write(self) -> None:
        if self.path is not None:
            lines = [{"about": self.about}, *map(asdict, self.outcomes.values())]
            files.write_text(self.path, "".join(json.dumps(x, default=float) + "\n" for x in lines))


def open_kept(plan: Plan, path: Path | None, *, resume: bool, force: bool) -> Kept:
    """An empty file of results, or the one that --resume goes on with."""
    if path is None:
        if resume:
            raise UsageError("--resume goes on with the results in --out: name that file")
        return Kept(None, {}, [])
    about = _about(plan)
    if resume and not force and path.is_file():
        return Kept(path, about, _read(path, about))
    if path.exists() and not force:
        raise UsageError(
            "is there already: --resume goes on with it, --force starts over", where=str(path)
        )
    files.refuse_to_overwrite(path, force=force, marker=None)
    return Kept(path, about, [])


def _read(path: Path, about: dict[str, Any]) -> list[Outcome]:
    try:
        with files.unreadable_is(DataError, path):
            first, *lines = map(files.json_value, path.read_text(encoding="utf-8").splitlines())
        before, outcomes = first["about"], [Outcome(**line) for line in lines]
    except (ValueError, TypeError, KeyError) as error:
        message = "is no file of results of `impute compare`: --force starts over"
        raise DataError(message, where=str(path)) from error
    changed = [key for key, value in about.items() if before.get(key) != value]
    if changed:
        listed = ", ".join(changed)
        raise UsageError(
            f"{listed} changed since it was begun: --force starts over", where=str(path)
        )
    return outcomes


def _about(plan: Plan) -> dict[str, Any]:
    """What every result depends on."""
    schema = plan.schema_file
    config = plan.learning.config(plan.table, ())
    with files.unreadable_is(DataError, plan.table):
        table = files.sha256(Path(plan.table))
    about = {
        "version": __version__,
        "task": plan.task,
        "table": table,
        "names": plan.learning.names,
        "missing": plan.learning.missing and list(plan.learning.missing),
        "schema": None if schema is None else files.sha256(schema),
        "settings": config.model_dump(mode="json", include={"model", "train", "precision"}),
    }
    if plan.task == FILL:
        return {**about, "draws": plan.draws}
    return {**about, "target": plan.target, "share": plan.share}


def _key(outcome: Outcome) -> Key:
    return outcome.case, outcome.seed, outcome.method
