"""What changes the states makes the cache miss, and nothing else does."""

import shutil

import pytest
import torch

from mirctl import plugins, yaml12
from mirctl.artifact import open_tensors, write_tensors
from mirctl.encode import AudioSettings, EncoderSettings, VideoSettings, encode_items
from mirctl.encode.protocol import choose

TITLES = ["toy story", "heat", "golden eye"]


def encode(text: str, titles=TITLES, dtype=torch.float32) -> int:
    """How many of the titles had to be encoded; the settings are YAML."""
    settings = EncoderSettings.model_validate(yaml12.load(text, "recipe")[0])
    return encode_items(settings, titles, device=torch.device("cpu"), dtype=dtype).calls


@pytest.fixture
def model(bert, tmp_path):
    return shutil.copytree(bert, tmp_path / "model")


@pytest.fixture
def settings(model):
    """A recipe's section, once encoded."""
    text = f"model: {model}\npool: mean\nlayers: [0, 2]\n"
    assert encode(text) == 3
    return text


def test_equal_settings_hit(settings):
    assert encode(settings) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"pool: mean": "pool: cls"},
        {"[0, 2]": "[1, 2]"},
        {"pool": "max_tokens: 9\npool"},
    ],
)
def test_a_changed_setting_misses(settings, change):
    for old, new in change.items():
        settings = settings.replace(old, new)
    assert encode(settings) == 3


def test_another_precision_misses(settings):
    assert encode(settings, dtype=torch.bfloat16) == 3


def test_a_changed_byte_of_an_item_misses_and_only_there(settings):
    assert encode(settings, ["toy story", "heat", "golden eyf"]) == 1


def test_another_revision_of_the_model_misses(settings, model):
    """One bit of one weight."""
    tensors = {
        name: value.clone() for name, value in open_tensors(model / "model.safetensors").items()
    }
    name = min(tensors)
    tensors[name].view(-1)[:1].view(torch.int32).bitwise_xor_(1)
    write_tensors(model / "model.safetensors", tensors)
    assert encode(settings) == 3


def test_another_version_of_the_plugin_misses(settings, monkeypatch):
    for version in ("1.0", "2.0"):
        monkeypatch.setattr(plugins, "version_of_giver", lambda *_, version=version: version)
        assert encode(settings) == 3
        assert encode(settings) == 0


def test_a_path_a_comment_and_the_order_of_keys_do_not_matter(settings, model):
    moved = model.rename(model.with_name("elsewhere"))
    (moved / "README.md").write_text("other words")
    lines = [f"layers: [0, 2]  # the first and the last\nmodel: {moved}\n\npool: mean\n"]
    assert encode(lines[0]) == 0
    assert encode(lines[0], TITLES[::-1]) == 0


def test_a_core_encoder_is_known_by_its_code_not_by_the_version_of_mirctl(settings, monkeypatch):
    parsed = EncoderSettings.model_validate(yaml12.load(settings, "recipe")[0])
    before = choose(parsed, torch.float32).key
    monkeypatch.setattr("mirctl.encode.protocol.CODE", 2)
    assert choose(parsed, torch.float32).key != before


@pytest.fixture
def lone(tmp_path):
    """A folder that every encoder of a .pth may be asked about."""
    (tmp_path / "tiny.pth").write_bytes(b"weights")
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "transnetv2.pth").write_bytes(b"weights")
    return tmp_path


def keys(kind, model, *settings):
    """How many different keys."""
    every = [kind(model=str(model), **each) for each in settings]
    return len({choose(each, torch.float32).key for each in every})


def test_what_is_read_of_a_sound_or_a_film_is_in_the_key(lone):
    assert keys(AudioSettings, lone, {}, {"seconds": 30}, {"frames": 9}, {"max_tokens": 9}) == 1
    assert keys(AudioSettings, lone, {}, {"seconds": 29}, {"layers": (1,)}) == 3
    film = lone / "film"
    assert keys(VideoSettings, film, {}, {"seconds": 3600}, {"max_tokens": 9}) == 1
    assert keys(VideoSettings, film, {}, {"seconds": 10}, {"frames": 9}, {"frames": 10}) == 4


def test_two_sizes_in_one_folder_are_kept_apart(lone):
    (lone / "full.pth").write_bytes(b"weights")
    assert keys(AudioSettings, lone, {}, {"encoder": "crepe-full"}, {"encoder": "crepe-tiny"}) == 2


def test_keys_of_texts_and_pictures_know_nothing_of_sounds_and_films(model):
    """States that were cached before there were any are found."""
    assert keys(EncoderSettings, model, {}, {"seconds": 9}, {"frames": 9}) == 1
