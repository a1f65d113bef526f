"""The tables of this plugin: one set of names and units, whatever a tracker calls them.

Times are milliseconds, positions pixels from the top left, angles degrees. `reader` and `trial` may
be left out of a table that has one of them only.
"""

from dataclasses import dataclass

KEYS = ("reader", "trial")
MISSING = frozenset({None, "", ".", "NA", "N/A", "NaN", "nan", "na", "null", "None"})
"""Texts that say a value is missing, blanks around them not counted."""
LARGEST = 1e15
"""Of any time, place or number of a word: what is not below it is a slip, as good as missing."""

SAMPLES = {"reader": "text", "trial": "text", "time": "double", "x": "double", "y": "double",
           "pupil": "double"}  # fmt: skip
FIXATIONS = {"reader": "text", "trial": "text", "index": "int64", "start": "double",
             "duration": "double", "x": "double", "y": "double"}  # fmt: skip
ASSIGNED = {"line": "int64", "word": "int64", "distance": "double"}
"""What `assign` adds to fixations."""
SACCADES = {"reader": "text", "trial": "text", "index": "int64", "start": "double",
            "duration": "double", "x0": "double", "y0": "double", "x1": "double", "y1": "double",
            "amplitude": "double", "peak_velocity": "double"}  # fmt: skip
WORDS = {"trial": "text", "word": "int64", "text": "text", "line": "int64", "x0": "double",
         "y0": "double", "x1": "double", "y1": "double"}  # fmt: skip
MEASURES = {"reader": "text", "trial": "text", "word": "int64", "text": "text", "nFix": "double",
            "FFD": "double", "GD": "double", "GPT": "double", "TRT": "double",
            "first_duration": "double", "skip": "double", "reg_in": "double", "reg_out": "double",
            "fixProp": "double"}  # fmt: skip
MEASURED = tuple(name for name, held in MEASURES.items() if held == "double")
"""Those of MEASURES that are numbers of how a word was read."""
AREAS = {"reader": "text", "trial": "text", "area": "text", "fixations": "int64",
         "dwell": "double", "dwell_share": "double", "entries": "int64",
         "first": "double"}  # fmt: skip
TRANSITIONS = {"reader": "text", "trial": "text", "from": "text", "to": "text",
               "count": "int64"}  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """What a stimulus is shown on, in pixels."""

    width: float
    height: float

    @classmethod
    def parse(cls, text: str | None) -> "Screen | None":
        """`1280x720`."""
        from mirctl.errors import UsageError

        if text is None:
            return None
        width, _, height = text.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise UsageError(f"--screen {text!r}: write WIDTHxHEIGHT in pixels, as in 1280x720")
        return cls(float(width), float(height))
