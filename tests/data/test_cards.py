import pytest
from PIL import Image, ImageFont

from mirctl.data import cards

LONG = "Don't Be a Menace to South Central While Drinking Your Juice in the Hood"


@pytest.mark.parametrize("title", ["Heat", LONG, "A" * 300, "Les Misérables", "日本", "x " * 400])
def test_a_card_is_a_square_picture_whatever_the_title(tmp_path, title):
    cards.draw(tmp_path / "1.jpg", title, "1995", ["Crime", "unheard of"])
    with Image.open(tmp_path / "1.jpg") as card:
        assert (card.size, card.format) == ((224, 224), "JPEG")


def test_the_same_film_gives_the_same_bytes(tmp_path):
    for name in ("1.jpg", "2.jpg"):
        cards.draw(tmp_path / name, LONG, "1996", ["Comedy"])
    assert (tmp_path / "1.jpg").read_bytes() == (tmp_path / "2.jpg").read_bytes()


def test_genres_differ_in_colour(tmp_path):
    colours = set()
    for genre in cards.HUES:
        cards.draw(tmp_path / "1.jpg", "Heat", "1995", [genre])
        with Image.open(tmp_path / "1.jpg") as card:
            colours.add(card.resize((1, 1)).getpixel((0, 0)))
    assert len(colours) == len(cards.HUES)


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("Usual Suspects, The", "The Usual Suspects"),
        ("Enfer, L'", "L'Enfer"),
        ("Postino, Il (The Postman)", "Il Postino"),
        ("20,000 Leagues Under the Sea", "20,000 Leagues Under the Sea"),
        ("To Have, or Not", "To Have, or Not"),
        ("(nothing else)", "(nothing else)"),
    ],
)
def test_a_title_reads_as_it_is_said(stored, said):
    assert cards.natural(stored) == said


def test_wrapped_lines_fit_and_lose_no_word():
    font = ImageFont.load_default(18)
    lines = cards.wrap(LONG, font, 192)
    assert " ".join(lines) == LONG
    assert all(font.getlength(line) <= 192 for line in lines)
    assert cards.wrap("W" * 60, font, 192) == []
