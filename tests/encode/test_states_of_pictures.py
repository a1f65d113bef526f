"""Hidden states of pictures: what cannot be read, what moved, what changed meanwhile."""

import numpy as np
import pytest
import torch
from PIL import Image

from encode.test_states import Toy, encode, lacking
from mirctl.encode import ImageSettings, states


@pytest.fixture
def posters(tmp_path):
    """Twenty pictures, then every kind of failure."""
    paths = []
    for n in range(20):
        paths.append(tmp_path / f"{n}.png")
        Image.new("RGB", (9, 9), (n, 0, 0)).save(paths[-1])
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:6000])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "words.png").write_bytes(b"hello")
    return [*paths, *(tmp_path / f"{name}.png" for name in ("cut", "empty", "words", "gone")), None]


class Reds(Toy):
    """Its one layer is the red of the first pixel."""

    modality, widths, layers = "image", (1,), ("red",)

    def __init__(self):
        super().__init__()
        self.settings = ImageSettings(model="reds")

    def encode(self, items):
        self.batches.append(items)
        return torch.tensor([[float(picture.getpixel((0, 0))[0])] for picture in items])


def test_unreadable_pictures_are_counted_not_fatal(posters):
    got = encode(posters, Reds())
    reasons = ("damaged image", "empty file", "not an image", "missing file", "no image")
    assert lacking(got) == dict.fromkeys(reasons, 1)
    assert sorted(n for items in got.absent.values() for n in items) == [20, 21, 22, 23, 24]
    assert got.gather(np.arange(25))[:, 0].tolist() == [*range(20), 0, 0, 0, 0, 0]
    assert got.present().sum() == 20


def test_a_changed_picture_is_encoded_again_and_a_moved_one_is_not(posters, tmp_path):
    encode(posters[:20], Reds())
    posters[0].rename(tmp_path / "moved.png")
    Image.new("RGB", (9, 9), (200, 0, 0)).save(posters[1])
    got = encode([tmp_path / "moved.png", *posters[1:20]], Reds())
    assert got.calls == 1
    assert got.gather(np.arange(3))[:, 0].tolist() == [0, 200, 2]


def test_a_picture_that_changes_between_listing_and_reading_is_left_out(posters, monkeypatch):
    """Else another picture's states would stand under its key for good."""
    real = states.open_ahead

    def late(*given):
        Image.new("RGB", (9, 9), (250, 0, 0)).save(posters[3])
        return real(*given)

    monkeypatch.setattr(states, "open_ahead", late)
    got = encode(posters[:5], Reds())
    assert got.absent == {"changed during the run": [3]}
    monkeypatch.setattr(states, "open_ahead", real)
    again = encode(posters[:5], Reds())
    assert (again.calls, again.gather(np.arange(5))[3].item()) == (1, 250)


def test_pictures_of_which_none_can_be_read_give_no_states(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    got = encode([tmp_path / "a.png"], Reds())
    assert (got.widths, got.absent) == ((1,), {"not an image": [0]})
