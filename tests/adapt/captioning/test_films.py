"""Films: which of their pictures are seen, and what is no film."""

import json
import struct
import sys

import numpy as np
import pytest

av = pytest.importorskip("av")

from mirctl_adapt.captioning import films  # noqa: E402

SECONDS, RATE = 4, 10


def save_film(path, codec="mpeg4"):
    """Red rises from 0 to 255 over the film."""
    with av.open(path, "w") as film:
        stream = film.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(SECONDS * RATE):
            picture = np.zeros((48, 64, 3), np.uint8)
            picture[...] = (255 * n // (SECONDS * RATE), 128, 90)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"),
                        ("a.webm", "libvpx"), ("a.mov", "libx264")]
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 3])
def test_frames_are_from_the_middles_of_equal_parts(tmp_path, name, codec, count):
    found = films.open_film(save_film(tmp_path / name, codec), b"", count)
    red = [picture.getpixel((30, 20))[0] for picture in found]
    assert red == pytest.approx([255 * (n + 0.5) / count for n in range(count)], abs=12)
    assert found[0].mode == "RGB"


def test_a_film_that_was_taken_sideways_is_upright(tmp_path):
    with av.open(tmp_path / "a.mp4", "w") as film:
        stream = film.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24] = (255, 0, 0)
        for _ in range(RATE):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    straight = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clockwise = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    before, track, after = (tmp_path / "a.mp4").read_bytes().rpartition(b"tkhd")
    (tmp_path / "a.mp4").write_bytes(before + track + after.replace(straight, clockwise, 1))
    (found,) = films.open_film(tmp_path / "a.mp4", b"", 1)
    assert found.size == (48, 64)
    assert found.getpixel((40, 30))[0] > 240, "what was above is right"
    assert found.getpixel((5, 30))[0] < 15


def test_what_is_no_film_is_told(tmp_path):
    whole = save_film(tmp_path / "a.mp4").read_bytes()
    cases = {
        b"": "damaged video",
        b"no film": "damaged video",
        whole[: len(whole) // 2]: "damaged video",
    }
    for content, told in cases.items():
        (tmp_path / "b.mp4").write_bytes(content)
        assert films.open_film(tmp_path / "b.mp4", b"", 2) == told
    assert films.open_film(tmp_path, b"", 2) == "not a video"
    assert films.open_film(tmp_path / "gone.mp4", b"", 2) == "missing file"


def test_a_list_of_other_files_is_no_film(tmp_path):
    film = save_film(tmp_path / "a.mp4")
    for text in (f"#EXTM3U\n#EXTINF:4,\n{film}\n", f"ffconcat version 1.0\nfile {film}\n"):
        (tmp_path / "list.mp4").write_text(text)
        assert films.open_film(tmp_path / "list.mp4", b"", 1) == "damaged video"


def test_captions_of_films(mirctl, tmp_path, git_of_films):
    folder = tmp_path / "films"
    folder.mkdir()
    save_film(folder / "1.mp4")
    (folder / "2.mp4").write_bytes(b"no film")
    (folder / "4.webm").write_bytes(b"")
    (tmp_path / "items.csv").write_text("item_id\n1\n2\n3\n4\n")
    ran = mirctl(
        "adapt", "caption", tmp_path / "items.csv", "--videos", folder, "--model", git_of_films,
        "--max-tokens", 8, "--out", tmp_path / "out.csv", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["captions"] == 1
    assert told["absent"] == {"damaged video": 1, "no video": 1, "empty file": 1}


def test_without_the_extra_films_are_told_what_they_need(mirctl, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(films, "find_spec", lambda name: None)
    ran = mirctl("adapt", "caption", tmp_path / "items.csv", "--videos", tmp_path, "--model", "x",
                 "--out", tmp_path / "out.csv")  # fmt: skip
    assert ran.code == 5
    assert "pip install 'mirctl[video]'" in ran.err
