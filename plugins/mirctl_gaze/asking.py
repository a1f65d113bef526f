"""What a command line asks for: tables opened, settings checked, results told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from mirctl import console
from mirctl.errors import UsageError
from mirctl.tables import open_stream
from mirctl_gaze import output
from mirctl_gaze.config import Detection
from mirctl_gaze.schema import Screen


def detection(**options: Any) -> Detection:
    """The settings that options give; one out of its range is wrong usage."""
    try:
        return Detection(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{name} {first['input']}: {first['msg']}") from error


def detect(
    samples: str, settings: Detection, out: str, saccades: str | None, screen: str | None, *,
    force: bool, json: bool,
) -> None:  # fmt: skip
    """Detect, and tell what was found."""
    from mirctl_gaze import detecting

    _check_places(out, saccades, force=force, json=json)
    size = Screen.parse(screen)
    found = detecting.detect(open_stream(samples), settings, out, saccades, size)
    _tell(found, out, json=json)


def assign(
    fixations: str, words: str, out: str, *, by_lines: bool, most: float | None, force: bool,
    json: bool,
) -> None:  # fmt: skip
    """Give each fixation its word, and tell how near they are."""
    from mirctl_gaze import assigning, boxes

    _check_places(out, force=force, json=json)
    _refuse_two_from_stdin(fixations, words)
    known = boxes.read_words(open_stream(words))
    found = assigning.assign(open_stream(fixations), known, out, by_lines=by_lines, most=most)
    _tell(found, out, json=json)


def measures(fixations: str, words: str, out: str, *, mean: bool, force: bool, json: bool) -> None:
    """Measure, and tell what was read."""
    from mirctl_gaze import boxes, measuring

    _check_places(out, force=force, json=json)
    _refuse_two_from_stdin(fixations, words)
    known = boxes.read_words(open_stream(words), corners=False)
    found = measuring.measure(open_stream(fixations), known, out, mean=mean)
    _tell(found, out, json=json)


def aoi(
    fixations: str, areas: str, out: str, transitions: str | None, *, force: bool, json: bool
) -> None:
    """Look at areas of interest, and tell what was seen."""
    from mirctl_gaze import areas as areas_of_interest
    from mirctl_gaze import boxes

    _check_places(out, transitions, force=force, json=json)
    _refuse_two_from_stdin(fixations, areas)
    known = boxes.read_areas(open_stream(areas))
    found = areas_of_interest.look(open_stream(fixations), known, out, transitions)
    _tell(found, out, json=json)


def import_files(
    layout: str, paths: Sequence[str], out: Path, *, columns: Sequence[str], encoding: str | None,
    seconds: bool, kind: str, force: bool, json: bool,
) -> None:  # fmt: skip
    """Import files of other tools, and tell what became of their rows."""
    from mirctl_gaze import importing

    if seconds and layout != "generic":
        raise UsageError(f"--seconds goes with --from generic: {layout} has units of its own")
    _refuse_two_from_stdin(*paths)
    names = dict(_pair(text) for text in columns)
    found = importing.import_files(
        layout, paths, out, columns=names, encoding=encoding, seconds=seconds, kind=kind,
        force=force,
    )  # fmt: skip
    _tell(found, str(out), json=json)


def _pair(text: str) -> tuple[str, str]:
    ours, mark, theirs = text.partition("=")
    if not (ours and mark and theirs):
        raise UsageError(f"--column {text!r}: write OURS=THEIRS, as in duration=FPOGD")
    return ours, theirs


class _Found(Protocol):
    def facts(self) -> dict[str, Any]: ...

    def tell(self) -> None: ...


def _tell(found: _Found, out: str, *, json: bool) -> None:
    found.tell()
    if json:
        console.document({"table": out, **found.facts()})


def _check_places(*targets: str | None, force: bool, json: bool) -> None:
    """The first is where the result goes."""
    if json and targets[0] == "-":
        raise UsageError("--json prints its document where the table goes: name a file with --out")
    output.refuse_to_overwrite(*targets, force=force)
    named = [target for target in targets if target is not None]
    if len(set(named)) < len(named):
        raise UsageError(f"two tables cannot both go to {named[0]}")


def _refuse_two_from_stdin(*tables: str) -> None:
    if tables.count("-") > 1:
        raise UsageError("two tables cannot both come from stdin: save one in a file")
