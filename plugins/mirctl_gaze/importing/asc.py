"""EyeLink's .asc files, which edf2asc writes: their samples, trial by trial."""

from __future__ import annotations

from collections.abc import Iterator

from mirctl import console

COLUMNS = ["ASC_TRIAL", "ASC_TIME", "ASC_X", "ASC_Y", "ASC_PUPIL"]
FIRST_LINES = ("** CONVERTED FROM", "** DATE:", "** TYPE:")


def is_asc(text: str) -> bool:
    """Whether this is what edf2asc writes."""
    return text.startswith(FIRST_LINES)


def rows(text: str, path: str) -> Iterator[tuple[int, list[str | None]]]:
    """(line, cells) of each sample; of two eyes the left one.

    A trial is what a TRIALID message names, or else the number of its recording.
    """
    trial, named, recordings, both = "", "", 0, False
    for number, line in enumerate(text.splitlines(), start=1):
        first, _, rest = line.partition("\t")
        if first.strip().replace(".", "", 1).isdigit():
            cells = [cell.strip() for cell in rest.split("\t")]
            yield number, [trial, first.strip(), *(*cells, "", "", "")[:3]]
            continue
        words = line.split()
        if words[:1] == ["MSG"] and words[2:3] == ["TRIALID"]:
            named = " ".join(words[3:])
        elif words[:1] == ["START"]:
            recordings += 1
            trial, named = named or str(recordings), ""
        elif words[:1] == ["SAMPLES"] and {"LEFT", "RIGHT"} <= {*words} and not both:
            both = True
            console.say(f"{path}: both eyes are there, the left one is taken")
