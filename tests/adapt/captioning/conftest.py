"""Tiny models, and a table of items with pictures."""

import numpy as np
import pytest
from PIL import Image

from adapt.captioning import models


@pytest.fixture(scope="session")
def blip(tmp_path_factory):
    return models.save_blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture(scope="session")
def git(tmp_path_factory):
    return models.save_git(tmp_path_factory.mktemp("git"))


@pytest.fixture(scope="session")
def git_of_films(tmp_path_factory):
    return models.save_git(tmp_path_factory.mktemp("git_of_films"), frames=3)


@pytest.fixture(scope="session")
def vit_gpt2(tmp_path_factory):
    return models.save_vit_gpt2(tmp_path_factory.mktemp("vit_gpt2"))


@pytest.fixture(scope="session")
def llava(tmp_path_factory):
    return models.save_llava(tmp_path_factory.mktemp("llava"))


def noise(seed, size=(40, 30)):
    """A picture of coloured blocks."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.NEAREST)


@pytest.fixture
def shop(tmp_path):
    """items.csv of 12 items, and a picture of each but the third; the fifth's is the first's, the
    seventh's is damaged."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(1, 13):
        noise(1 if n == 5 else n).save(folder / f"i{n}.png")
    (folder / "i3.png").unlink()
    (folder / "i7.png").write_bytes(b"\x89PNG no more")
    rows = "".join(f'i{n},"title, {n}" ,00{n}\r\n' for n in range(1, 13))
    (tmp_path / "items.csv").write_bytes(f"item_id,title,number\r\n{rows}".encode())
    return tmp_path


@pytest.fixture
def captioned(mirctl, shop, git):
    """Runs the command on the shop: captioned(*options, code=0) -> what ran."""

    def run(*options, items=shop / "items.csv", out=shop / "out.csv", model=git, code=0):
        ran = mirctl("adapt", "caption", items, "--images", shop / "pictures", "--model", model,
                     "--max-tokens", 8, "--out", out, *options)  # fmt: skip
        assert ran.code == code, ran.err
        return ran

    return run
