"""The formula has the signs and sizes that the literature reports."""

import numpy as np
import pytest
import torch

from mirctl.errors import UsageError
from mirctl.words import Text
from mirctl_gaze.reading import formula
from mirctl_gaze.reading.frequency import core, zipf

AT = {name: n for n, name in enumerate(formula.MEASURES)}


def measures(*words, language=None):
    (found,) = formula.source(language).load(torch.device("cpu"))([Text.joined(words)])
    return {name: found[:, n] for name, n in AT.items()}


def test_long_words_are_skipped_less_and_looked_at_longer_in_all():
    short, long = (
        {name: values[0] for name, values in measures(word).items()}
        for word in ("group", "government")
    )
    assert abs(zipf("en")("group") - zipf("en")("government")) < 0.3
    assert long["fixProp"] > short["fixProp"]
    assert long["GD"] - short["GD"] == pytest.approx(50, abs=15)
    assert abs(long["FFD"] - short["FFD"]) < 10


def test_rare_words_take_longer_at_once():
    common, rare = (measures(word) for word in ("house", "knoll"))
    assert 20 <= rare["FFD"][0] - common["FFD"][0] <= 60
    assert rare["GD"][0] - common["GD"][0] > rare["FFD"][0] - common["FFD"][0]
    assert rare["fixProp"][0] > common["fixProp"][0]


def test_words_of_two_letters_are_skipped_mostly_and_of_nine_seldom():
    found = measures("of", "encounter")["fixProp"]
    assert found[0] < 0.45
    assert found[1] > 0.8


def test_measures_fit_together():
    words = ["it", "was", "extraordinarily", "obscure", ",", "old", "theorem", "1234", "…", "naïve"]
    found = measures(*words)
    assert (found["FFD"] <= found["GD"]).all()
    assert (found["GD"] <= found["GPT"]).all()
    assert ((found["fixProp"] > 0) & (found["fixProp"] < 1)).all()
    assert all(np.isfinite(values).all() and (values > 0).all() for values in found.values())


@pytest.mark.parametrize("word", ["house", "extraordinarily", "of", "xqzzt"])
def test_measures_are_what_the_equations_say(word):
    length, common = len(word), max(zipf("en")(word), 1.5) - 5
    fixated = 1 - min(max(np.exp(-length / 5) + 0.02 * common, 0.02), 0.95)
    again = min(max(0.05 * (length - 3) - 0.05 * common, 0), 2)
    first = 225 - 15 * common
    whole = first + again * 200
    wanted = {
        "nFix": fixated * (1 + again) * 1.2, "FFD": first, "GD": whole, "GPT": 1.2 * whole,
        "TRT": fixated * 1.2 * whole, "fixProp": fixated,
    }  # fmt: skip
    assert {name: values[0] for name, values in measures(word).items()} == pytest.approx(wanted)


def test_punctuation_does_not_make_a_word_rare():
    assert core("“House,”") == "House"
    assert core("—") == ""
    plain, dressed = measures("house"), measures("“house,”")
    assert plain["FFD"] == dressed["FFD"]


@pytest.mark.parametrize("word", ["हिन्दी", "cafe\u0301", "שָׁלוֹם", "বাংলা"])
def test_vowel_signs_and_accents_are_no_punctuation(word):
    assert core(f"«{word}।»") == core(word) == word


def test_another_language_has_its_own_frequencies():
    assert measures("und", language="de")["FFD"] < measures("und")["FFD"]
    with pytest.raises(UsageError, match="known: "):
        measures("x", language="tlh")
