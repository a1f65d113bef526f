"""Whether gaze helps a classifier: found where it does, and not where it was shuffled or says
nothing."""

import json

import numpy as np
import pytest

from mirctl_gaze.reading import benefit, trying
from mirctl_gaze.reading.benefit import Labelled


def made(texts, *, planted, seed=0):
    """Texts of random words; with `planted` the label is how long the longest look is."""
    rng = np.random.default_rng(seed)
    labels = np.arange(texts) % 2
    words = [rng.choice(list("abcdefgh"), 6).tolist() for _ in labels]
    gaze = [rng.uniform(1, 2, (6, 2)) for _ in labels]
    if planted:
        for own, label in zip(gaze, labels):
            own[rng.integers(6), 0] = 4 if label else 2
    return Labelled(words, labels, gaze)


def values(metrics):
    return {name: entry["value"] for name, entry in metrics.items()}


def test_gaze_that_tells_the_label_is_found_and_shuffled_gaze_does_not():
    found = benefit.compare(made(200, planted=True), seed=0)
    told = values(found)
    assert told["gaze.accuracy@100"] > 0.9
    assert told["text.accuracy@100"] < 0.65
    assert told["shuffled.accuracy@100"] < 0.65
    assert found["gaze-text.accuracy@100"]["low"] > 0.2
    assert found["shuffled-text.accuracy@100"]["low"] < 0.05


def test_gaze_that_says_nothing_is_no_gain_beyond_chance():
    gains = [
        values(benefit.compare(made(60, planted=False, seed=seed), seed))["gaze-text.accuracy@100"]
        for seed in range(3)
    ]
    assert abs(np.mean(gains)) < 0.12


def test_a_difference_is_that_of_the_two_accuracies_over_the_same_texts():
    told = values(benefit.compare(made(60, planted=True), seed=1))
    for share in ("10", "30", "100"):
        gain = told[f"gaze.accuracy@{share}"] - told[f"text.accuracy@{share}"]
        assert told[f"gaze-text.accuracy@{share}"] == pytest.approx(gain)
    assert sorted(told) == sorted(benefit.measured())


def test_conditions_differ_in_gaze_alone_and_shares_grow_from_the_same_texts(monkeypatch):
    data, calls = made(100, planted=True), []

    def tested(own, train, test, gaze, seed):
        calls.append((own, gaze, set(train.tolist()), set(test.tolist())))
        return np.ones(len(test))

    monkeypatch.setattr(benefit, "_tested", tested)
    benefit.compare(data, seed=0)
    for fold in range(benefit.FOLDS):
        text, gaze, shuffled = (calls[9 * fold + at : 9 * fold + at + 3] for at in (0, 3, 6))
        assert [call[2:] for call in text] == [call[2:] for call in gaze]
        assert [call[2:] for call in text] == [call[2:] for call in shuffled]
        assert [call[1] for call in text + gaze + shuffled] == [False] * 3 + [True] * 6
        assert text[0][0] is gaze[0][0] is data is not shuffled[0][0]
        few, more, all_of_them = (call[2] for call in text)
        assert few < more < all_of_them
        assert [len(few), len(more), len(all_of_them)] == [8, 24, 80]
        assert not all_of_them & text[2][3]
    assert set.union(*(call[3] for call in calls)) == set(range(100))


def test_a_text_that_is_tested_has_no_part_in_what_is_learned():
    data = made(40, planted=True)
    train, test = np.arange(30), np.arange(30, 40)
    before = benefit.reader(data, train, gaze=True)(train).toarray()
    for n in test:
        data.words[n][:] = ["zzz"] * 6
        data.gaze[n][:] = 99
    after = benefit.reader(data, train, gaze=True)(train).toarray()
    np.testing.assert_array_equal(before, after)


def test_weights_of_words_by_hand():
    data = Labelled(
        [["a", "b"], ["b"]], np.array([0, 1]), [np.array([[3.0], [1.0]]), np.ones((1, 1))]
    )
    read = benefit.reader(data, np.array([0, 1]), gaze=True)
    plain, looked = np.split(read(np.array([0])).toarray()[0, :4], 2)
    rare, common = np.log(3 / 2) + 1, np.log(3 / 3) + 1
    np.testing.assert_allclose(plain, np.array([rare, common]) / np.hypot(rare, common))
    np.testing.assert_allclose(
        looked, np.array([1.5 * rare, 0.5 * common]) / np.hypot(1.5 * rare, 0.5 * common)
    )


def test_shuffling_keeps_texts_and_all_values():
    data = made(20, planted=True)
    other = data.shuffled(np.random.default_rng(0))
    assert other.words == data.words
    assert [len(own) for own in other.gaze] == [len(own) for own in data.gaze]
    one, two = np.concatenate(data.gaze), np.concatenate(other.gaze)
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(one[np.lexsort(one.T)], two[np.lexsort(two.T)])


def test_a_word_without_a_value_has_the_mean_of_its_text():
    nan = np.nan
    found = trying._whole(np.array([[nan, nan], [1, nan], [3, nan]]))
    np.testing.assert_array_equal(found, [[2, 0], [1, 0], [3, 0]])


def labelled(place, lines):
    (place / "l.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_the_command_tells_a_table_and_writes_no_column(mirctl, place):
    begins = ("no", "long words here")
    texts = [{"text": f"{begins[n % 2]} {n % 7}", "kind": n % 2} for n in range(30)]
    labelled(place, [*texts, {"text": "nothing", "kind": None}])
    line = ("gaze", "augment", "l.jsonl", "--with", "formula", "--task", "kind")
    ran = mirctl(*line, "--json", "--out", "t.csv", "--require", "text.accuracy@100>=0.9")
    assert ran.code == 0, ran.err
    assert "left out" in ran.err
    found = json.loads(ran.out)["metrics"]
    assert found["text.accuracy@100"]["n"] == 30
    assert (place / "t.csv").read_text().count("\n") == 10
    assert "gaze minus text" in mirctl(*line).out


@pytest.mark.parametrize(
    ("lines", "more", "code", "told"),
    [
        ([{"text": "a", "kind": "x"}] * 20, (), 3, "one value alone"),
        (
            [{"text": "a", "kind": k} for k in "xxxxxxxxxy"],
            (),
            3,
            "kind 'y' has 1 text",
        ),
        ([{"text": "", "kind": k} for k in "xy" * 10], (), 3, "'text' has no word"),
        ([{"text": "a"}], (), 3, "has no column 'kind'"),
        ([{"text": "a", "kind": "x"}], ("--mean",), 2, "--mean"),
        ([{"text": "a", "kind": "x"}], ("--require", "accuracy>=1"), 2, "no metric"),
    ],
)
def test_what_cannot_be_compared_is_told(mirctl, place, lines, more, code, told):
    labelled(place, lines)
    ran = mirctl("gaze", "augment", "l.jsonl", "--with", "formula", "--task", "kind", *more)
    assert ran.code == code, ran.err
    assert told in ran.err
