"""Films: which of their pictures are seen, and what is no film."""

import struct

import numpy as np
import pytest

av = pytest.importorskip("av")

from encode.media import save_film  # noqa: E402
from mirctl import files  # noqa: E402
from mirctl.encode.films import open_film  # noqa: E402

RISING = [255 * n // 40 for n in range(40)]
"""Four seconds at ten pictures a second."""


def reds(film):
    return [picture.getpixel((30, 20))[0] for picture in film.pictures]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"),
                        ("a.webm", "libvpx"), ("a.mov", "libx264")]
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 3])
def test_frames_are_from_the_middles_of_equal_parts(tmp_path, name, codec, count):
    found = open_film(save_film(tmp_path / name, RISING, codec=codec), None, count)
    assert reds(found) == pytest.approx([255 * (n + 0.5) / count for n in range(count)], abs=12)
    assert found.pictures[0].mode == "RGB"
    assert not found.cut


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_frames_follow_the_time_where_the_rate_varies(tmp_path, name):
    """Ten pictures in the first second, then one a second: a red of 25 for each second."""
    times = [n / 10 for n in range(10)] + [1.0, 2.0, 3.0, 4.0, 4.96]
    colours = [25] * 10 + [50, 75, 100, 125, 125]
    film = save_film(tmp_path / name, colours, times)
    assert reds(open_film(film, None, 5)) == pytest.approx([25, 50, 75, 100, 125], abs=5)


def test_a_long_film_is_skipped_through_to_the_same_pictures(tmp_path, monkeypatch):
    """A colour a second for 60 seconds; a key picture every 12 pictures, so that skipping pays."""
    film = save_film(tmp_path / "a.mp4", [4 * (n // 4) for n in range(240)], rate=4)
    skipped = reds(open_film(film, None, 5))
    monkeypatch.setattr("mirctl.encode.films.JUMP", 1000)
    assert skipped == reds(open_film(film, None, 5))
    assert skipped == pytest.approx([4 * s for s in (6, 18, 30, 42, 54)], abs=5)


def test_no_more_than_the_given_seconds_are_looked_at(tmp_path):
    film = save_film(tmp_path / "a.mp4", RISING)
    found = open_film(film, None, 2, seconds=2)
    assert found.cut
    assert reds(found) == pytest.approx([255 / 8, 3 * 255 / 8], abs=12)


def test_a_film_that_does_not_say_how_long_it_is_is_read_to_its_end(tmp_path):
    """As browsers record: written to a pipe, nobody goes back to note the length."""

    class Pipe:
        def __init__(self, file):
            self.write = file.write

    place = tmp_path / "a.webm"
    with place.open("wb") as file, av.open(Pipe(file), "w", format="webm") as film:
        stream = film.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for red in RISING:
            picture = np.full((48, 64, 3), (red, 128, 90), np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    with av.open(place) as film:
        assert film.duration is None
    found = open_film(place, None, 3)
    assert reds(found) == pytest.approx([255 / 6, 255 / 2, 5 * 255 / 6], abs=12)
    assert open_film(place, None, 1, seconds=1).cut


def test_more_pictures_than_there_are_repeat_them(tmp_path):
    film = save_film(tmp_path / "a.mp4", [0, 250], rate=1)
    found = reds(open_film(film, None, 8))
    assert found == pytest.approx([0] * 4 + [250] * 4, abs=6)


def test_large_pictures_are_no_larger_than_needed(tmp_path):
    film = save_film(tmp_path / "a.mp4", [0, 250], rate=1, size=(240, 480))
    assert open_film(film, None, 1).pictures[0].size == (480, 240)
    assert open_film(film, None, 1, side=60).pictures[0].size == (120, 60)
    assert open_film(film, None, 1, side=100).pictures[0].size == (240, 120)


def test_a_film_that_was_taken_sideways_is_upright(tmp_path):
    with av.open(tmp_path / "a.mp4", "w") as film:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24] = (255, 0, 0)
        for _ in range(10):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    straight = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    before, track, after = (tmp_path / "a.mp4").read_bytes().rpartition(b"tkhd")
    (tmp_path / "a.mp4").write_bytes(before + track + after.replace(straight, clockwise, 1))
    (found,) = open_film(tmp_path / "a.mp4", None, 1).pictures
    assert found.size == (48, 64)
    assert found.getpixel((40, 30))[0] > 240, "what was above is right"
    assert found.getpixel((5, 30))[0] < 15


def test_what_is_no_film_is_told(tmp_path):
    whole = save_film(tmp_path / "a.mp4", RISING).read_bytes()
    cases = {
        b"": "damaged video",
        b"no film": "damaged video",
        whole[: len(whole) // 2]: "damaged video",
    }
    for content, told in cases.items():
        (tmp_path / "b.mp4").write_bytes(content)
        assert open_film(tmp_path / "b.mp4", None, 2) == told
    assert open_film(tmp_path, None, 2) == "not a video"
    assert open_film(tmp_path / "gone.mp4", None, 2) == "missing file"


def test_a_film_that_changed_since_it_was_listed_is_left_out(tmp_path):
    film = save_film(tmp_path / "a.mp4", RISING)
    listed = bytes.fromhex(files.sha256(film))
    assert reds(open_film(film, listed, 1))
    save_film(film, RISING[::-1])
    assert open_film(film, listed, 1) == "changed during the run"


def test_a_list_of_other_files_is_no_film(tmp_path):
    film = save_film(tmp_path / "a.mp4", RISING)
    for text in (f"#EXTM3U\n#EXTINF:4,\n{film}\n", f"ffconcat version 1.0\nfile {film}\n"):
        (tmp_path / "list.mp4").write_text(text)
        assert open_film(tmp_path / "list.mp4", None, 1) == "damaged video"
