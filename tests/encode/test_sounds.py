"""Sounds: what is heard of a file, at which rate, and what cannot be heard."""

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")

from encode.media import as_int16, save_film, save_wav, sine  # noqa: E402
from mirctl import files  # noqa: E402
from mirctl.encode.resampling import resampled  # noqa: E402
from mirctl.encode.sounds import open_sound  # noqa: E402


def heard(path, rate=16_000, seconds=30.0):
    return open_sound(path, None, rate, seconds=seconds)


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [(44_100, 16_000), (48_000, 16_000), (16_000, 44_100), (8_000, 16_000), (22_254, 16_000),
     (44_101, 16_000)],
)  # fmt: skip
def test_a_sine_at_another_rate_is_that_sine_as_scipy_has_it(rate, wanted):
    signal = pytest.importorskip("scipy.signal")
    pitch = 0.3 * min(rate, wanted)
    got = resampled(sine(0.5, pitch, rate), rate, wanted)
    inside = slice(wanted // 20, -wanted // 20)  # the ends hear the silence around
    np.testing.assert_allclose(got[inside], sine(0.5, pitch, wanted)[inside], atol=1e-3)
    if rate != 44_101:  # theirs takes gigabytes for coprime rates
        theirs = signal.resample_poly(sine(0.5, pitch, rate), wanted, rate, window=("kaiser", 12))
        assert len(theirs) == len(got)
        np.testing.assert_allclose(got[inside], theirs[inside], atol=5e-3)


def test_what_the_lower_rate_cannot_hold_is_gone():
    assert np.abs(resampled(sine(0.5, 9_000, 44_100), 44_100, 16_000)[500:-500]).max() < 1e-4


def test_a_rate_that_is_right_changes_nothing():
    samples = sine()
    assert resampled(samples, 16_000, 16_000) is samples
    assert len(resampled(samples[:1], 16_000, 8_000)) == 1


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_files_of_every_kind_are_heard_in_one_channel(tmp_path, suffix):
    left, right = sine(1, 440, 44_100), sine(1, 880, 44_100)
    soundfile.write(tmp_path / f"a.{suffix}", np.stack([left, right], 1), 44_100)
    found = heard(tmp_path / f"a.{suffix}")
    assert len(found.samples) == pytest.approx(16_000, abs=1_200)
    assert found.samples.dtype == np.float32
    strength = np.abs(np.fft.rfft(found.samples[:8_000]))  # bins of 2 Hz
    assert set(np.argsort(strength)[-2:]) == {220, 440}


def test_the_sound_of_a_film_is_heard(tmp_path):
    sound = as_int16(sine(2, 440, 44_100), sine(2, 440, 44_100) * 0), 44_100
    film = save_film(tmp_path / "a.mp4", range(20), sound=sound)
    found = heard(film)
    assert len(found.samples) == pytest.approx(32_000, abs=1_000)
    middle = found.samples[8_000:24_000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.abs(middle).max() == pytest.approx(0.25, abs=0.02), "the mean of both channels"


def test_no_more_than_the_given_seconds_are_heard(tmp_path):
    for path in (
        save_wav(tmp_path / "a.wav", sine(3)),
        save_film(tmp_path / "a.mp4", range(30), sound=(as_int16(sine(3)), 16_000)),
    ):
        found = heard(path, seconds=1.5)
        assert (len(found.samples), found.cut) == (24_000, True)
        assert not heard(path, seconds=4).cut


def test_some_damaged_frames_cost_only_themselves(tmp_path, capfd):
    soundfile.write(tmp_path / "a.mp3", sine(2, rate=44_100), 44_100)
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    content[5000:5100] = bytes(100)
    (tmp_path / "a.mp3").write_bytes(bytes(content))
    assert len(heard(tmp_path / "a.mp3").samples) == pytest.approx(32_000, abs=3_000)
    assert capfd.readouterr().err == ""


def test_an_hour_of_nothing_costs_no_more_than_its_limit(tmp_path):
    """A head that promises four GB where there is one second."""
    path = save_wav(tmp_path / "a.wav", sine(1))
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xf0\xff\xff\xff"
    path.write_bytes(bytes(content))
    assert len(heard(path).samples) == 16_000


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("a.wav", b"", "damaged audio"), ("a.wav", b"no sound", "damaged audio"),
     ("a.m4a", b"no sound", "damaged audio"), ("a.mp3", bytes(5000), "damaged audio"),
     ("a.raw", bytes(5000), "damaged audio")],
)  # fmt: skip
def test_what_is_no_sound_is_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    assert heard(tmp_path / name) == told


def test_what_cannot_be_heard_is_told(tmp_path):
    assert heard(save_wav(tmp_path / "a.wav", sine(0))) == "empty audio"
    assert heard(save_wav(tmp_path / "b.wav", sine(0.02))) == "too short audio"
    assert heard(save_wav(tmp_path / "c.wav", sine(1, loud=0))) == "silent audio"
    assert heard(save_wav(tmp_path / "d.wav", sine(1, loud=2e-5))) == "silent audio"
    assert heard(save_wav(tmp_path / "e.wav", sine(1), rate=7)) == "unusual audio"
    soundfile.write(tmp_path / "h.wav", np.ones((2_000, 65), "f4"), 16_000)
    assert heard(tmp_path / "h.wav") == "unusual audio"
    soundfile.write(tmp_path / "f.wav", np.full(16_000, np.nan, "f4"), 16_000, subtype="FLOAT")
    assert heard(tmp_path / "f.wav") == "damaged audio"
    assert heard(save_film(tmp_path / "g.mp4", range(9))) == "video without sound"
    assert heard(tmp_path) == "not an audio"
    assert heard(tmp_path / "gone.wav") == "missing file"


def test_a_list_of_other_files_is_no_sound(tmp_path):
    sound = save_wav(tmp_path / "a.wav", sine(1))
    for text in (f"#EXTM3U\n#EXTINF:4,\n{sound}\n", f"ffconcat version 1.0\nfile {sound}\n"):
        (tmp_path / "list.m4a").write_text(text)
        assert heard(tmp_path / "list.m4a") == "damaged audio"


def test_a_sound_that_changed_since_it_was_listed_is_left_out(tmp_path):
    path = save_wav(tmp_path / "a.wav", sine(1))
    listed = bytes.fromhex(files.sha256(path))
    save_wav(path, sine(1, 300))
    assert open_sound(path, listed, 16_000, seconds=9) == "changed during the run"
