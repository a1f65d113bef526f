"""What a command line asks for: tables opened, settings checked, results told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from mirctl import console
from mirctl.errors import UsageError
from mirctl.tables import open_stream
from mirctl_gaze import output
from mirctl_gaze.config import Detection
from mirctl_gaze.metrics import Metrics
from mirctl_gaze.schema import Screen

if TYPE_CHECKING:
    from mirctl.jobs import Requirement
    from mirctl_gaze.boxes import AllBoxes


def detection(**options: Any) -> Detection:
    """The settings that options give; one out of its range is wrong usage."""
    try:
        return Detection(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{name} {first['input']}: {first['msg']}") from error


@dataclass(frozen=True)
class Wanted:
    """Where a result goes, and how it is told."""

    command: str
    out: str
    more: str | None = None
    """A second table that is written."""
    force: bool = False
    json: bool = False
    require: Sequence[str] = ()

    def start(self, *tables: str) -> list[Requirement]:
        """Refuse what cannot be done before the work; give the gate of the metrics."""
        from mirctl import jobs

        if self.json and self.out == "-":
            raise UsageError(
                "--json prints its document where the table goes: name a file with --out"
            )
        if self.more == self.out:
            raise UsageError(f"two tables cannot both go to {self.out}")
        output.refuse_to_overwrite(self.out, self.more, force=self.force)
        refuse_two_from_stdin(*tables)
        gate = jobs.requirements(self.require)
        if gate:
            jobs.check_requirements(jobs.find(f"gaze/{self.command}"), gate)
        return gate

    def end(self, found: Found, gate: Sequence[Requirement], boxes: AllBoxes | None = None) -> None:
        """Tell what was found; then the gate decides."""
        from mirctl import jobs

        found.tell()
        facts = {"table": self.out, **found.facts()}
        if boxes is not None:
            facts["unusable_boxes"] = boxes.unusable.facts()
        jobs.show(found.metrics(), "", require=gate, json=self.json, **facts)


class Found(Protocol):
    """What became of the rows of a table."""

    def facts(self) -> dict[str, Any]: ...

    def metrics(self) -> Metrics: ...

    def tell(self) -> None: ...


def detect(samples: str, settings: Detection, screen: str | None, wanted: Wanted) -> None:
    """Detect, and tell what was found."""
    from mirctl_gaze import detecting

    gate = wanted.start()
    size = Screen.parse(screen)
    stream = open_stream(samples)
    wanted.end(detecting.detect(stream, settings, wanted.out, wanted.more, size), gate)


def assign(
    fixations: str, words: str, wanted: Wanted, *, by_lines: bool, most: float | None
) -> None:
    """Give each fixation its word, and tell how near they are."""
    from mirctl_gaze import assigning, boxes

    gate = wanted.start(fixations, words)
    known = boxes.read_words(open_stream(words))
    stream = open_stream(fixations)
    found = assigning.assign(stream, known, wanted.out, by_lines=by_lines, most=most)
    wanted.end(found, gate, known)


def measures(fixations: str, words: str, wanted: Wanted, *, mean: bool) -> None:
    """Measure, and tell what was read."""
    from mirctl_gaze import boxes, measuring

    gate = wanted.start(fixations, words)
    known = boxes.read_words(open_stream(words), corners=False)
    found = measuring.measure(open_stream(fixations), known, wanted.out, mean=mean)
    wanted.end(found, gate, known)


def aoi(fixations: str, areas: str, wanted: Wanted) -> None:
    """Look at areas of interest, and tell what was seen."""
    from mirctl_gaze import areas as areas_of_interest
    from mirctl_gaze import boxes

    gate = wanted.start(fixations, areas)
    known = boxes.read_areas(open_stream(areas))
    stream = open_stream(fixations)
    wanted.end(areas_of_interest.look(stream, known, wanted.out, wanted.more), gate, known)


def import_files(
    layout: str, paths: Sequence[str], out: Path, *, columns: Sequence[str], encoding: str | None,
    seconds: bool, screen: str | None, kind: str, force: bool, json: bool,
) -> None:  # fmt: skip
    """Import files of other tools, and tell what became of their rows."""
    from mirctl_gaze import importing

    for option, given in (("--seconds", seconds), ("--screen", screen)):
        if given and layout != "generic":
            raise UsageError(f"{option} goes with --from generic: {layout} has units of its own")
    refuse_two_from_stdin(*paths)
    names = dict(_pair(text) for text in columns)
    found = importing.import_files(
        layout, paths, out, columns=names, encoding=encoding, seconds=seconds,
        screen=Screen.parse(screen), kind=kind, force=force,
    )  # fmt: skip
    found.tell()
    if json:
        console.document({"folder": str(out), **found.facts()})


def _pair(text: str) -> tuple[str, str]:
    ours, mark, theirs = text.partition("=")
    if not (ours and mark and theirs):
        raise UsageError(f"--column {text!r}: write OURS=THEIRS, as in duration=FPOGD")
    return ours, theirs


def names(text: str | None) -> list[str] | None:
    """`TRT,FFD`, each once."""
    if text is None:
        return None
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise UsageError(f"--measures {text!r}: write names with commas, as in TRT,FFD")
    if len(set(found)) < len(found):
        raise UsageError(f"--measures {text}: one is named twice")
    return found


def refuse_two_from_stdin(*tables: str) -> None:
    """Stdin is read once."""
    if tables.count("-") > 1:
        raise UsageError("two tables cannot both come from stdin: save one in a file")
