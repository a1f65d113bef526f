"""What the commands do, as jobs that a recipe names."""

from mirctl.run import Result, Run
from mirctl.tables import open_stream
from mirctl_gaze import areas, assigning, boxes, detecting, measuring
from mirctl_gaze.asking import Found
from mirctl_gaze.config import AoiConfig, AssignConfig, DetectConfig, MeasuresConfig
from mirctl_gaze.schema import Screen


def detect(config: DetectConfig, run: Run) -> Result:
    """Find fixations in samples."""
    screen = Screen.parse(config.screen)
    stream = open_stream(config.samples)
    return _result(detecting.detect(stream, config, run.out, screen=screen), run)


def assign(config: AssignConfig, run: Run) -> Result:
    """Give each fixation its word."""
    words = boxes.read_words(open_stream(config.words))
    stream, by_lines = open_stream(config.fixations), config.by == "lines"
    found = assigning.assign(stream, words, run.out, by_lines=by_lines, most=config.max_distance)
    return _result(found, run)


def measures(config: MeasuresConfig, run: Run) -> Result:
    """Measure how each word was read."""
    words = boxes.read_words(open_stream(config.words), corners=False)
    stream = open_stream(config.fixations)
    return _result(measuring.measure(stream, words, run.out, mean=config.mean), run)


def aoi(config: AoiConfig, run: Run) -> Result:
    """Look at areas of interest."""
    known = boxes.read_areas(open_stream(config.areas))
    return _result(areas.look(open_stream(config.fixations), known, run.out), run)


def _result(found: Found, run: Run) -> Result:
    found.tell()
    return Result(table=run.out, metrics=found.metrics())
