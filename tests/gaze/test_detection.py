"""Fixations of stretches of samples: against plain loops, and on recordings with known events."""

from inspect import signature

import numpy as np
import pytest

from gaze.recordings import PPD, record, text_boxes
from mirctl_gaze import commands, detection
from mirctl_gaze.config import Detection
from mirctl_gaze.detecting import Recording, events


def plain_idt(x, y, threshold, shortest):
    """I-DT as it is described: a window, its spread, one sample more."""

    def spread(start, stop):
        a, b = x[start:stop], y[start:stop]
        return (max(a) - min(a)) + (max(b) - min(b))

    found, start = [], 0
    while start + shortest <= len(x):
        stop = start + shortest
        if spread(start, stop) > threshold:
            start += 1
            continue
        while stop < len(x) and spread(start, stop + 1) <= threshold:
            stop += 1
        found.append((start, stop))
        start = stop + 1
    return found


def wander(seed, count=400):
    """Gaze that stays, jumps and drifts."""
    rng = np.random.default_rng(seed)
    jumps = np.where(rng.random(count) < 0.02, rng.normal(0, 3, count), 0)
    return np.cumsum(jumps + rng.normal(0, 0.02, count)) + rng.normal(0, 0.05, count)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shortest", [2, 7, 40])
def test_windows_by_spread_are_those_of_plain_loops(seed, shortest):
    x, y = wander(seed), wander(seed + 100)
    starts, stops = detection.narrow(x, y, 0.6, shortest)
    assert [*zip(starts, stops)] == plain_idt(x, y, 0.6, shortest)


def test_a_recording_shorter_than_a_fixation_has_none():
    assert len(detection.narrow(np.zeros(5), np.zeros(5), 1.0, 6)[0]) == 0
    assert [*map(int, np.ravel(detection.narrow(np.zeros(6), np.zeros(6), 1.0, 6)))] == [0, 6]


@pytest.mark.parametrize("half", [1, 2, 5])
def test_speed_is_the_slope_of_a_fitted_line(half):
    rng = np.random.default_rng(half)
    x, y = rng.normal(size=(2, 60))
    speeds = detection.speed(x, y, half, 0.004)
    for at in range(half, 60 - half):
        near = np.arange(at - half, at + half + 1)
        slopes = [np.polyfit(near * 0.004, axis[near], 1)[0] for axis in (x, y)]
        assert speeds[at] == pytest.approx(np.hypot(*slopes))


def test_neighbours_are_one_only_where_the_gap_is_short_and_narrow():
    x = np.array([0.0] * 10 + [5.0] + [0.1] * 10 + [5.0] * 5 + [0.1] * 10 + [3.0] * 10)
    bounds = (np.array([0, 11, 26, 36]), np.array([10, 21, 36, 46]))
    starts, stops = detection.merged(bounds, x, np.zeros(46), longest=3, widest=0.5)
    assert [*zip(starts, stops)] == [(0, 21), (26, 36), (36, 46)]


def found_in(made, **settings):
    usable = ~np.isnan(made.x)
    recording = Recording(made.time, made.x, made.y, usable, 1.0)
    (starts, stops), _ = events(recording, Detection(ppd=PPD, **settings))
    return recording, starts, stops


def recovered(made, starts, stops, within):
    """Share of the true fixations without a blink whose two ends are found."""
    whole = ~made.blinked
    near = (np.abs(made.start[whole, None] - starts) <= within) & (
        np.abs(made.stop[whole, None] - stops) <= within
    )
    return near.any(axis=1).mean()


@pytest.mark.parametrize(
    ("method", "noise", "within", "least"),
    [
        ("ivt", 0.01, 12, 0.95),
        ("ivt", 0.05, 12, 0.95),
        ("ivt", 0.1, 20, 0.9),
        ("idt", 0.03, 25, 0.85),
    ],
)
def test_known_fixations_are_found(method, noise, within, least):
    rates = []
    for seed in range(4):
        made = record(text_boxes(seed=seed), seed, noise=noise, drift=30, blinks=0.1)
        _, starts, stops = found_in(made, method=method)
        rates.append(recovered(made, starts, stops, within))
    assert np.mean(rates) >= least


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_no_fixation_holds_a_lost_sample(method):
    made = record(text_boxes(), 3, blinks=0.5)
    recording, starts, stops = found_in(made, method=method)
    assert len(starts) > 20
    for start, stop in zip(starts, stops):
        assert recording.usable[start:stop].all()


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_fixations_do_not_overlap_and_are_long_enough(method):
    made = record(text_boxes(), 5, noise=0.1)
    _, starts, stops = found_in(made, method=method, min_duration=80)
    assert (stops - starts >= 80).all()
    assert (starts[1:] >= stops[:-1]).all()


@pytest.mark.parametrize("again", [201.0, 300.0])
def test_a_missing_step_of_time_ends_a_fixation(again):
    time = np.concatenate([np.arange(200.0), np.arange(again, again + 200)])
    still = np.zeros(400)
    recording = Recording(time, still, still, np.ones(400, bool), 1.0)
    (starts, stops), _ = events(recording, Detection(ppd=30))
    assert [*zip(starts, stops)] == [(0, 200), (200, 400)]


def test_speed_is_taken_over_the_window_that_is_asked_for():
    x, y = wander(0), wander(1)
    recording = Recording(np.arange(400) * 2.0, x, y, np.ones(400, bool), 2.0)
    for window, half in ((10, 2), (12, 3), (40, 10), (1, 1)):
        _, speeds = events(recording, Detection(ppd=2, window=window))
        assert speeds == pytest.approx(detection.speed(x / 2, y / 2, half, 0.002))


def test_options_of_the_command_are_as_those_of_recipes():
    options = signature(commands.detect).parameters
    for name, field in Detection.model_fields.items():
        if not field.is_required():
            default = options[name].default
            assert getattr(default, "value", default) == field.default, name


def test_what_lies_at_a_limit_is_of_the_fixation_but_a_speed_is_not():
    starts, stops = detection.slow(np.array([29.0, 30, 31]), 30.0)
    assert (starts.tolist(), stops.tolist()) == ([0], [1])
    x = np.array([0.0, 0, 9, 9, 9, 0.5, 0.5])
    bounds = (np.array([0, 5]), np.array([2, 7]))
    starts, stops = detection.merged(bounds, x, np.zeros(7), longest=3, widest=0.5)
    assert (starts.tolist(), stops.tolist()) == ([0], [7])
    x = np.array([0.0, 1, 0, 1, 0, 2])
    starts, stops = detection.narrow(x, np.zeros(6), 1.0, 2)
    assert (starts.tolist(), stops.tolist()) == ([0], [5])


def test_beyond_both_ends_gaze_stays_where_it_is():
    x = np.arange(6.0)
    assert detection.speed(x, 0 * x, 1, 1.0).tolist() == [0.5, 1, 1, 1, 1, 0.5]
