"""What a command line asks for: tables opened, settings checked, results told."""

from pathlib import Path
from typing import Any

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

    output.refuse_two_on_stdout(out, json)
    output.refuse_to_overwrite(out, saccades, force=force)
    size = Screen.parse(screen)
    found = detecting.detect(open_stream(samples), settings, out, saccades, size)
    found.tell()
    if json:
        console.document({"table": str(Path(out)), **found.facts()})
