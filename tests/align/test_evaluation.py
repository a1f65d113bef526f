"""Accuracy and calibration against hand-worked cases."""

import numpy as np
import pytest

from mirctl_align import evaluation
from mirctl_align.dialogue import Message, Pair
from mirctl_align.evaluation import Scored


def pair(chosen: str = "a b", rejected: str = "c", prompt: str = "p", **more) -> Pair:
    return Pair(
        (Message("user", prompt), Message("assistant", chosen)),
        (Message("user", prompt), Message("assistant", rejected)),
        "line",
        **more,
    )


def scored(margins, **more) -> Scored:
    pairs = [pair(prompt=str(n), **more) for n in range(len(margins))]
    return Scored.of(np.array(margins, float), np.zeros(len(margins)), pairs)


def value(metrics, name):
    return metrics[name]["value"]


def test_equal_rewards_are_half_right_and_counted():
    metrics = evaluation.evaluate(scored([1, 0, -1, 2]), (), 0)
    assert value(metrics, "accuracy") == pytest.approx(2.5 / 4)
    assert value(metrics, "equal_rewards") == 1
    assert value(metrics, "margin") == pytest.approx(0.5)


def test_log_loss_and_brier_are_those_of_the_probability_that_the_better_one_wins():
    margins = np.array([1.0, -0.5])
    chance = 1 / (1 + np.exp(-margins))
    metrics = evaluation.summarize(scored(margins), 0)
    assert value(metrics, "log_loss") == pytest.approx(-np.log(chance).mean())
    assert value(metrics, "brier") == pytest.approx(((1 - chance) ** 2).mean())


def test_huge_margins_are_no_trouble():
    metrics = evaluation.summarize(scored([1e5, -1e5]), 0)
    assert value(metrics, "log_loss") == pytest.approx(5e4)
    assert value(metrics, "brier") == pytest.approx(0.5)


def test_who_is_as_sure_as_right_has_no_calibration_error_and_who_is_too_sure_has():
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, 8_000)
    wins = np.where(rng.random(len(margins)) < 1 / (1 + np.exp(-margins)), 1, -1)
    assert value(evaluation.summarize(scored(margins * wins), 0), "ece") < 0.02
    assert value(evaluation.summarize(scored(3 * margins * wins), 0), "ece") > 0.1


def test_a_model_that_is_always_sure_and_half_right_errs_by_a_half():
    margins = np.array([50.0, -50.0] * 10)
    assert value(evaluation.summarize(scored(margins), 0), "ece") == pytest.approx(0.5)


def test_ties_of_people_are_left_out_and_turned_pairs_are_turned():
    pairs = [pair(target=0.5), pair(target=0.1), pair()]
    found = Scored.of(np.array([9.0, 0.0, 3.0]), np.array([0.0, 1.0, 1.0]), pairs)
    assert found.margin.tolist() == [1.0, 2.0]
    assert found.words.tolist() == [-1, 1]


def test_the_shorter_text_is_the_answer_to_beat():
    pairs = [pair("a", "b c"), pair("a b", "c"), pair("a", "b"), pair("a", "b c")]
    found = Scored.of(np.zeros(4), np.zeros(4), pairs)
    assert value(evaluation.summarize(found, 0), "shorter") == pytest.approx(2.5 / 4)


def test_pairs_of_one_prompt_are_drawn_together():
    margins = np.repeat(np.random.default_rng(0).choice([-1.0, 1.0], 100), 20)
    apart = scored(margins)
    same = [pair(prompt=str(n // 20)) for n in range(len(margins))]
    together = Scored.of(margins, np.zeros(len(margins)), same)
    width = [m["high"] - m["low"] for m in (
        evaluation.summarize(one, 0)["accuracy"] for one in (apart, together)
    )]  # fmt: skip
    assert width[1] > 3 * width[0]


def test_groups_are_all_the_pairs_each_once():
    rng = np.random.default_rng(0)
    pairs = [
        pair("w " * a or "x", "w " * b or "x", subset=s)
        for a, b, s in zip(rng.integers(1, 90, 60), rng.integers(1, 90, 60), "ab" * 30, strict=True)
    ]
    found = Scored.of(rng.normal(size=60), rng.normal(size=60), pairs)
    metrics = evaluation.evaluate(found, ("subset", "length"), 0)
    for start in ("subset=", "length="):
        counts = [m["n"] for k, m in metrics.items()
                  if k.startswith(start) and k.endswith("/accuracy")]  # fmt: skip
        assert sum(counts) == 60
        assert len(counts) > 1
    whole = sum(m["value"] * m["n"] for k, m in metrics.items()
                if k.startswith("subset=") and k.endswith("/accuracy"))  # fmt: skip
    assert whole / 60 == pytest.approx(value(metrics, "accuracy"))


def test_the_difference_in_words_decides_the_length_group():
    lengths = Scored.of(
        np.zeros(5), np.zeros(5),
        [pair("w " * a, "w " * 60) for a in (10, 11, 60, 71, 111)],
    ).lengths  # fmt: skip
    assert [evaluation.LENGTHS[n] for n in lengths] == [
        "50+ shorter", "10-49 shorter", "alike", "10-49 longer", "50+ longer",
    ]  # fmt: skip


def test_nothing_to_measure_has_no_values():
    metrics = evaluation.evaluate(scored([]), ("subset", "length"), 0)
    assert value(metrics, "accuracy") is None
    assert metrics["accuracy"]["n"] == 0
    assert "no pairs" in evaluation.report(metrics, scored([]))


def test_the_report_has_a_row_for_all_and_for_each_group():
    found = scored([1.0, -1.0, 2.0], subset="chat")
    told = evaluation.report(evaluation.evaluate(found, ("subset",), 0), found)
    assert "all" in told
    assert "subset=chat" in told
    assert "0.667" in told
    assert told.count("#") > 0


def test_validation_measures_what_evaluation_does():
    pairs = [pair(), pair(target=0.2), pair()]
    chosen, rejected = np.array([1.0, 2.0, 3.0]), np.array([0.0, 3.0, 4.0])
    quick = evaluation.means(chosen, rejected, pairs)
    whole = evaluation.summarize(Scored.of(chosen, rejected, pairs), 0)
    assert quick["accuracy"] == pytest.approx(value(whole, "accuracy"))
    assert quick["log_likelihood"] == pytest.approx(-value(whole, "log_loss"))
