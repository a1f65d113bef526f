"""Fixations to lines and words: the truth is known, and gaze drifts."""

import numpy as np
import pytest

from gaze.recordings import text_boxes, words_read
from mirctl_gaze import lines
from mirctl_gaze.boxes import Boxes


def boxes_of(corners, line=None):
    names = [""] * len(corners)
    return Boxes(names, np.arange(len(corners)), line, np.asarray(corners, float)[:, :4])


def share_right(drift, spread, offset=0, *, by_lines=True, mirrored=False, seeds=range(6)):
    """Share of the fixations that get their true word; lines are 70 pixels apart."""
    right = []
    for seed in seeds:
        corners = text_boxes(seed=seed)
        word, _ = words_read(len(corners), seed)
        rng = np.random.default_rng(seed)
        left, top, far, bottom = corners[word, :4].T
        x = left + (far - left) * rng.uniform(0.1, 0.9, len(word))
        y = (top + bottom) / 2 + rng.normal(0, spread, len(word))
        y += np.linspace(0, drift, len(word)) + offset
        if mirrored:
            x, corners = -x, corners * [-1, 1, -1, 1, 1]
            corners[:, [0, 2]] = corners[:, [2, 0]]
        boxes = boxes_of(corners)
        of = lines.lines_of(boxes)
        line, down = lines.follow(x, y, of) if by_lines else (None, 0)
        right.append((lines.nearest(x, y - down, boxes, of, line)[0] == word).mean())
    return float(np.mean(right))


@pytest.mark.parametrize("drift", [0, 40, -40, 70])
def test_words_are_found_though_gaze_drifts_by_a_line(drift):
    assert share_right(drift, 5) >= 0.99
    assert share_right(drift, 12) >= 0.98


def test_drift_of_more_than_a_line_is_followed():
    assert share_right(100, 5) >= 0.99


@pytest.mark.parametrize("offset", [30, 45, -60])
def test_words_are_found_though_gaze_lies_off_from_the_start(offset):
    assert share_right(0, 12, offset) >= 0.98
    assert share_right(40, 12, offset) >= 0.98
    assert share_right(0, 12, offset, by_lines=False) < 0.75


def test_a_text_that_is_read_in_part_is_not_moved():
    corners = text_boxes()
    boxes = boxes_of(corners)
    of = lines.lines_of(boxes)
    rng = np.random.default_rng(0)
    for first in range(6):
        word = np.flatnonzero((corners[:, 4] >= first) & (corners[:, 4] < first + 2))
        left, top, right, bottom = corners[word, :4].T
        y = (top + bottom) / 2 + rng.normal(0, 8, len(word))
        line, _ = lines.follow((left + right) / 2, y, of)
        assert line.tolist() == corners[word, 4].tolist()


def test_the_nearest_box_alone_does_worse():
    assert share_right(40, 12, by_lines=False) < 0.92
    assert share_right(70, 5, by_lines=False) < 0.7


def test_text_from_right_to_left_is_no_different():
    assert share_right(40, 12, mirrored=True) == share_right(40, 12)


def test_lines_are_told_from_the_boxes():
    corners = text_boxes(lines=4, words=5)
    rng = np.random.default_rng(0)
    corners[:, [1, 3]] += rng.normal(0, 2, (len(corners), 1))  # letters with and without tails
    mixed = rng.permutation(len(corners))
    of = lines.lines_of(boxes_of(corners[mixed]))
    assert of.of_box.tolist() == corners[mixed, 4].astype(int).tolist()
    assert of.height == pytest.approx(70, abs=3)


def test_lines_of_the_file_are_kept():
    corners = [(0, 0, 10, 10), (0, 3, 10, 13), (0, 50, 10, 60)]
    of = lines.lines_of(boxes_of(corners, np.array([7.0, 9, 9])))
    assert (of.labels.tolist(), of.of_box.tolist()) == ([7, 9], [0, 1, 1])


def test_distance_is_nothing_inside_a_box_and_straight_outside():
    corners = np.array([(10.0, 10, 20, 20)])
    x, y = np.array([15.0, 23, 15, 7]), np.array([15.0, 24, 30, 6])
    assert lines.distances(x, y, corners)[:, 0].tolist() == [0, 5, 10, 5]


def test_of_boxes_that_overlap_the_nearer_middle_is_taken():
    boxes = boxes_of([(0, 0, 100, 20), (80, 0, 120, 20)])
    of = lines.lines_of(boxes)
    box, away = lines.nearest(np.array([82.0, 95]), np.array([10.0, 10]), boxes, of, None)
    assert (box.tolist(), away.tolist()) == ([1, 1], [0, 0])
    box, _ = lines.nearest(np.array([70.0]), np.array([10.0]), boxes, of, None)
    assert box.tolist() == [0]


def test_many_words_and_fixations_are_looked_at_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 300, (200, 2))
    corners = np.hstack([corner, corner + rng.uniform(2, 40, (200, 2))])
    x, y = rng.uniform(0, 300, (2, 90))
    boxes = boxes_of(corners)
    of = lines.lines_of(boxes)
    whole = lines.nearest(x, y, boxes, of, None)
    left, top, right, bottom = corners.T
    shared = [
        min(right[i], right[j]) - max(left[i], left[j]) > 1
        and min(bottom[i], bottom[j]) - max(top[i], top[j]) > 1
        for i in range(200)
        for j in range(i)
    ]
    for rows in (256, 7):
        monkeypatch.setattr(lines, "ROWS", rows)
        assert lines.overlapping(corners) == sum(shared)
    monkeypatch.setattr(lines, "CELLS", 900)
    parts = lines.nearest(x, y, boxes, of, None)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts))


def test_one_fixation_and_one_word_are_enough():
    boxes = boxes_of([(0, 0, 40, 20)])
    of = lines.lines_of(boxes)
    line, drift = lines.follow(np.array([20.0]), np.array([14.0]), of)
    assert (line.tolist(), of.height) == ([0], 30)
    assert 0 < drift[0] < 4


def test_lines_without_space_between_them_are_lines():
    corners = [(0, 20 * line, 50, 20 * line + 20) for line in range(3)]
    assert lines.lines_of(boxes_of(corners)).of_box.tolist() == [0, 1, 2]


def test_a_sweep_ends_where_gaze_goes_a_line_on_or_far_aside():
    of = lines.lines_of(boxes_of(text_boxes()))
    x, y = np.array([100.0, 150, 150, 100, 100 + of.width / 2]), np.array([0.0, 0, 70, 70, 70])
    assert lines.sweeps(x, y, of).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("place", [-400, 60, 1500])
@pytest.mark.parametrize("first", [0, 27])
def test_a_glance_off_the_text_says_nothing_of_drift(first, place):
    corners = text_boxes()
    left, top, right, bottom, line = np.insert(corners, [first] * 6, corners[first], axis=0).T
    y = (top + bottom) / 2
    glance = slice(first, first + 6)
    y[glance] = place
    found, drift = lines.follow((left + right) / 2, y, lines.lines_of(boxes_of(corners)))
    assert np.delete(found, glance).tolist() == np.delete(line, glance).tolist()
    assert np.abs(drift).max() < 1


def test_a_few_single_fixations_above_the_text_count_less_than_whole_lines():
    corners = text_boxes()
    starts = [9, 18, 27, 36, 45]
    left, top, right, bottom, line = np.insert(corners, starts, corners[0], axis=0).T
    y = (top + bottom) / 2
    glances = np.array(starts) + np.arange(len(starts))
    y[glances] -= 100
    found, _ = lines.follow((left + right) / 2, y, lines.lines_of(boxes_of(corners)))
    assert np.delete(found, glances).tolist() == np.delete(line, glances).tolist()
