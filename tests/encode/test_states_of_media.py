"""Hidden states of sounds and films: what is absent, what was cut, what is not installed."""

import numpy as np
import pytest
import torch

pytest.importorskip("av")
pytest.importorskip("soundfile")

from encode.media import as_int16, save_film, save_wav, sine
from encode.test_states import Toy, encode, lacking
from mirctl.encode import AudioSettings, VideoSettings, reading
from mirctl.errors import MissingError


class Loudness(Toy):
    """Its one layer is how loud a sine is."""

    modality, widths, layers, rate, seconds = "audio", (1,), ("loud",), 8_000, 2.0

    def __init__(self):
        super().__init__()
        self.settings = AudioSettings(model="loudness")

    def encode(self, items):
        self.batches.append(items)
        return torch.tensor([[float(sound.samples.std() * 2**0.5)] for sound in items])


class Reds(Toy):
    """Its two layers are the reds of its two pictures."""

    modality, widths, layers = "video", (1, 1), ("early", "late")
    frames, seconds, side = 2, 3600.0, 40

    def __init__(self):
        super().__init__()
        self.settings, self.key = VideoSettings(model="reds"), "r"

    def encode(self, items):
        self.batches.append(items)
        reds = [[float(one.getpixel((9, 9))[0]) for one in film.pictures] for film in items]
        return torch.tensor(reds)


def test_sounds_are_heard_and_the_others_told(tmp_path, capsys):
    (tmp_path / "words.wav").write_bytes(b"hello")
    (tmp_path / "empty.wav").write_bytes(b"")
    loud = [save_wav(tmp_path / f"{n}.wav", sine(1 + n, loud=0.2 + n / 10)) for n in range(3)]
    sound = as_int16(sine(1, loud=0.7, rate=16_000)), 16_000
    film = save_film(tmp_path / "a.mp4", range(9), sound=sound)
    silent = save_wav(tmp_path / "s.wav", sine(1, loud=0))
    odd = [tmp_path / "words.wav", tmp_path / "empty.wav", silent, tmp_path / "gone.wav", None]
    got = encode([*loud, film, *odd, tmp_path], Loudness())
    reasons = ("damaged audio", "empty file", "silent audio", "missing file", "no audio")
    assert lacking(got) == dict.fromkeys((*reasons, "not an audio"), 1)
    assert got.gather(np.arange(4))[:, 0].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.7], abs=0.03)
    assert "1 sound is longer than 2 s, and read up to there" in capsys.readouterr().err
    again = Loudness()
    assert encode(loud, again).calls == 0
    assert not again.loads


def test_films_are_seen_and_the_others_told(tmp_path):
    film = save_film(tmp_path / "a.mp4", [50] * 10 + [200] * 10)
    (tmp_path / "b.mp4").write_bytes(b"no film")
    got = encode([film, tmp_path / "b.mp4", None, tmp_path], Reds())
    assert lacking(got) == {"damaged video": 1, "no video": 1, "not a video": 1}
    assert got.gather(np.arange(1))[0].tolist() == pytest.approx([50, 200], abs=6)


@pytest.mark.parametrize(
    ("name", "toy", "extra"),
    [("a.wav", Loudness, "audio"), ("a.mp4", Loudness, "audio"), ("a.mp4", Reds, "video")],
)
def test_an_extra_that_is_not_installed_is_told_with_what_to_do(
    tmp_path, monkeypatch, name, toy, extra
):
    (tmp_path / name).write_bytes(b"some")
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=rf"pip install 'mirctl\[{extra}\]'"):
        encode([tmp_path / name], toy())
    assert encode([None], toy()).absent  # nothing to read needs nothing that reads
