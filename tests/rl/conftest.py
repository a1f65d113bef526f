"""A small shop of films: users who like one genre each, with ratings and times."""

import numpy as np
import pytest

WORDS = ("toy", "heat", "golden", "jumanji", "story", "eye", "one", "two", "three", "four")
GENRES = ("Drama", "Comedy", "Horror", "War")


def title(n):
    """Of words that the tiny encoders know; films of one genre begin alike."""
    return " ".join([WORDS[n % 4], *[WORDS[4 + n // 4 % 6]] * (1 + n // 24)])


def shop(folder, users=36, items=40, each=28, seed=0, late=None):
    """interactions.csv and items.csv; `late` (rating) -> another rating, of the late halves."""
    rng = np.random.default_rng(seed)
    rows = ["user_id,item_id,rating,timestamp"]
    for user in range(users):
        for place, item in enumerate(rng.permutation(items)[:each]):
            liked = item % 4 == user % 4
            rating = int(rng.integers(4, 6) if liked else rng.integers(1, 4))
            if late is not None and place >= (each + 1) // 2:
                rating = late(rating)
            rows.append(f"u{user},i{item},{rating},{1000 + place}")
    titles = [f"i{n},{title(n)},{GENRES[n % 4]}" for n in range(items)]
    folder.mkdir(exist_ok=True)
    (folder / "interactions.csv").write_text("\n".join(rows) + "\n")
    (folder / "items.csv").write_text("\n".join(["item_id,title,genres", *titles]) + "\n")
    return folder


@pytest.fixture
def films(tmp_path):
    return shop(tmp_path / "shop")


@pytest.fixture
def made(mirctl, films, tmp_path):
    """A simulator of that shop."""
    out = tmp_path / "users"
    done = mirctl("rl", "simulate", films, *QUICK, "--out", out)
    assert done.code == 0, done.err
    return out


QUICK = ("horizon=10", "history=5", "completion.rank=4", "completion.ridge=5.0", "episodes=40")
