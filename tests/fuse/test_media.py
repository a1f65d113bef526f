"""Sounds and films of items, from files, through training, eval and search."""

import json

import pytest

from encode.media import save_film, save_wav, sine
from encode.test_audio import save_wav2vec
from encode.test_video import save as save_video_model
from fuse.runs import trained
from mirctl.testing.catalogue import N_ITEMS, write_catalogue

pytest.importorskip("av")
pytest.importorskip("soundfile")


@pytest.fixture
def recipe(tmp_path):
    """Each item has a sound of its own pitch and a film of its own red; one film is broken."""
    write_catalogue(tmp_path)
    for folder in ("sounds", "films"):
        (tmp_path / folder).mkdir()
    for item in range(N_ITEMS):
        save_wav(tmp_path / "sounds" / f"i{item}.wav", sine(0.1, 200 + 60 * item))
        if item:
            save_film(tmp_path / "films" / f"i{item}.mp4", [item * 8] * 4)
    (tmp_path / "films" / "i2.mp4").write_bytes(b"no film")
    sound, film = tmp_path / "sound-model", tmp_path / "film-model"
    save_wav2vec(sound)
    save_video_model(film, "VideoMAE")
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "uses: fuse/train\n"
        "data: {interactions: interactions.csv, items: items.csv, audio: sounds, video: films}\n"
        f"model:\n  modalities: {{audio: {sound}, video: {film}}}\n"
        "  dim: 16\n  history: 12\n  bottleneck: 8\n  rank: 4\n"
        "train: {epochs: 1, batch_size: 16, lr: 1.0e-2}\n"
    )
    return file


def test_sounds_and_films_are_read_and_asked_for(mirctl, recipe, tmp_path):
    model, index = tmp_path / "model", tmp_path / "index"
    ran = mirctl("fuse", "train", recipe, "--out", model)
    assert ran.code == 0, ran.err
    assert "audio: 30 of 30 items have states" in ran.err
    assert "video: 28 of 30 items have states" in ran.err
    assert "1 no video" in ran.err
    assert "(i2)" in ran.err, "a film that is broken is named, and its item stays"
    assert mirctl("fuse", "eval", model, "--apart", "--json").code == 0
    assert mirctl("fuse", "index", model, "--out", index).code == 0
    for name, file in (("audio", "sounds/i5.wav"), ("video", "films/i5.mp4")):
        asked = mirctl("fuse", "search", index, f"--{name}", tmp_path / file, "--apart", "--k", 1)
        assert asked.code == 0, asked.err
        assert json.loads(asked.out)["item_id"] == "i5"
    broken = mirctl("fuse", "search", index, "--video", tmp_path / "films/i2.mp4")
    assert broken.code == 3
    assert "cannot be read" in broken.err


def test_films_have_sounds_of_their_own(mirctl, recipe, tmp_path):
    ran = mirctl("fuse", "train", recipe, "data.audio=null", "--out", tmp_path / "model")
    assert ran.code == 3
    assert "no item has any audio" in ran.err, "these films are silent"
    none = mirctl("fuse", "train", recipe, "data.audio=null", "data.video=null",
                  "--out", tmp_path / "model")  # fmt: skip
    assert none.code == 2
    assert "set data.audio" in none.err


def test_the_same_with_one_modality(mirctl, recipe, tmp_path):
    found = trained(mirctl, recipe, tmp_path / "one", "model.modalities.video=null")
    assert found["metrics"]["ndcg@10"]["n"] > 0
