"""Titles that a model names, and the items they mean."""

import pytest

from mirctl_rl.matching import match, shown

FILMS = [
    "Usual Suspects, The (1995)", "Rocky II (1979)", "Rocky III (1982)", "Amélie (2001)",
    "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1963)", "Heat (1995)",
    "Seventh Seal, The (Sjunde inseglet, Det) (1957)", "Boot, Das (1981)",
]  # fmt: skip


@pytest.mark.parametrize(
    "named", ["Heat (1995)", "  heat (1995)", '"Heat  (1995)"', "- Heat (1995)", "6. Heat (1995)"]
)
def test_word_for_word_is_told_apart_from_nearly(named):
    found = match(named, FILMS)
    assert (found.place, found.exact) == (5, True)


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("The Usual Suspects", 0),
        ("usual suspects", 0),
        ("The Usual Suspect (1996)", 0),
        ("Amelie", 3),
        ("Dr. Strangelove", 4),
        ("Rocky III", 2),
        ("The Seventh Seal", 6),
        ("Sjunde inseglet, Det", 6),
        ("Das Boot", 7),
        ("Boot", 7),
        ("Rocky 2", None),
        ("Rocky IV", None),
        ("Rocky", None),
        ("Heat and Dust", None),
        ("He", None),
        ("...", None),
        ("", None),
        ("(1995)", None),
        ("42", None),
        ("x" * 5000, None),
    ],
)
def test_nearly_is_found_and_another_film_is_not(named, place):
    found = match(named, FILMS)
    assert (found.place, found.exact) == (place, False)


def test_of_two_that_are_as_near_none_is_meant():
    assert match("Star Wart", ["Star Warp", "Star Ward"]).place is None


def test_a_title_of_any_length_is_shown_in_one_line_and_found_again():
    long = "A  very\nlong " + "title of a thing " * 20
    assert "\n" not in shown(long)
    assert len(shown(long)) <= 100
    assert match(long, ["other", shown(long)]).place == 1
    assert shown(None) == ""
