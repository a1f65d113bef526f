"""What the commands do, as jobs that a recipe names."""

from mirctl import console
from mirctl.run import Result, Run
from mirctl.tables import open_stream
from mirctl_gaze import areas, assigning, boxes, detecting, measuring
from mirctl_gaze.config import AoiConfig, AssignConfig, DetectConfig, MeasuresConfig
from mirctl_gaze.scanpaths import running
from mirctl_gaze.scanpaths.config import CompareConfig
from mirctl_gaze.schema import Screen


def detect(config: DetectConfig, run: Run) -> Result:
    """Find fixations in samples."""
    screen = Screen.parse(config.screen)
    detecting.detect(open_stream(config.samples), config, run.out, screen=screen).tell()
    return Result(table=run.out)


def assign(config: AssignConfig, run: Run) -> Result:
    """Give each fixation its word."""
    words = boxes.read_words(open_stream(config.words))
    found = assigning.assign(
        open_stream(config.fixations), words, run.out, by_lines=config.by == "lines",
        most=config.max_distance,
    )  # fmt: skip
    found.tell()
    return Result(table=run.out)


def measures(config: MeasuresConfig, run: Run) -> Result:
    """Measure how each word was read."""
    words = boxes.read_words(open_stream(config.words), corners=False)
    stream = open_stream(config.fixations)
    measuring.measure(stream, words, run.out, mean=config.mean).tell()
    return Result(table=run.out)


def aoi(config: AoiConfig, run: Run) -> Result:
    """Look at areas of interest."""
    known = boxes.read_areas(open_stream(config.areas))
    areas.look(open_stream(config.fixations), known, run.out).tell()
    return Result(table=run.out)


def compare(config: CompareConfig, run: Run) -> Result:
    """Compare scanpaths by pairs."""
    console.say(running.run(config.asked(run.out)).report)
    return Result(table=run.out)
