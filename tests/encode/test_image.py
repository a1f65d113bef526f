import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mirctl.encode import EncoderSettings, ImageSettings, load_encoder
from mirctl.encode.preparation import Preparation
from mirctl.errors import MissingError, UsageError

CPU, FP32 = torch.device("cpu"), torch.float32


def load(folder, **settings):
    return load_encoder(ImageSettings(model=str(folder), **settings), CPU, FP32)


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    shapes = [(40, 60), (64, 32), (32, 32)]
    return [Image.fromarray(random.integers(0, 256, (*s, 3), dtype=np.uint8)) for s in shapes]


def by_hand(folder, picture):
    """Every hidden state (1, tokens, width) of one picture."""
    from transformers import AutoModel

    raw = json.loads((folder / "preprocessor_config.json").read_text())
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC)) / 255
    pixels = torch.tensor((small - raw["image_mean"]) / raw["image_std"]).permute(2, 0, 1)[None]
    with torch.no_grad():
        network = AutoModel.from_pretrained(folder)
        return network(pixel_values=pixels.float(), output_hidden_states=True).hidden_states


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_pooling_equals_the_formula(vit, pictures, pool):
    got = load(vit, pool=pool).encode(pictures)
    for n, picture in enumerate(pictures):
        states = by_hand(vit, picture)
        rows = [s[0, 0] if pool == "cls" else s[0, 1:].mean(0) for s in states]
        torch.testing.assert_close(got[n], torch.cat(rows), atol=1e-5, rtol=1e-4)


def test_auto_takes_the_class_token(vit, pictures):
    assert torch.equal(load(vit).encode(pictures), load(vit, pool="cls").encode(pictures))


def test_a_map_of_channels_is_averaged(tmp_path, pictures):
    from transformers import ConvNextConfig, ConvNextModel

    sizes = {"hidden_sizes": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}
    ConvNextModel(ConvNextConfig(**sizes)).save_pretrained(tmp_path)
    raw = {"size": {"shortest_edge": 64}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(raw | {"do_center_crop": False}))
    encoder = load(tmp_path)
    assert encoder.widths == (4, 4, 6, 8, 10)
    assert encoder.encode(pictures[2:]).shape == (1, 32)
    with pytest.raises(UsageError, match="no class token"):
        load(tmp_path, pool="cls")


def test_of_clip_the_vision_tower_and_the_text_tower_are_taken(tmp_path, pictures, words):
    from transformers import CLIPConfig, CLIPModel

    shared = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=shared | {"intermediate_size": 16, "vocab_size": 14, "eos_token_id": 3},
        vision_config=shared | {"intermediate_size": 16, "image_size": 32, "patch_size": 8},
    )
    CLIPModel(config).save_pretrained(tmp_path)
    words(tmp_path, special=True)
    raw = {"size": 32, "crop_size": 32, "do_center_crop": True}
    raw |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(raw))
    assert load(tmp_path).encode(pictures).shape == (3, 24)
    text = EncoderSettings(model=str(tmp_path), max_tokens=16)
    assert load_encoder(text, CPU, FP32).encode(["toy story"]).shape == (1, 24)


def test_a_text_model_is_no_vision_model(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bert")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})
    )
    with pytest.raises(UsageError, match="no vision model"):
        load(folder)


def test_pictures_without_a_rule_of_preparation_are_refused(vit, tmp_path):
    folder = shutil.copytree(vit, tmp_path / "vit")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(MissingError, match="preprocessor_config"):
        load(folder)


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"
DAMAGED = [
    {"image_mean": None},
    {"image_std": [1, 0, 1]},
    {"resample": None},
    {"size": 10**30},
    {"size": []},
]


@pytest.mark.parametrize(
    "damage", ["", LFS, "[1]", '{"size": 3}', "[" * 100_000, *DAMAGED], ids=lambda d: str(d)[:20]
)
def test_a_damaged_rule_of_preparation_is_a_model_s_fault(vit, tmp_path, damage):
    folder = shutil.copytree(vit, tmp_path / "vit")
    path = folder / "preprocessor_config.json"
    changed = json.loads(path.read_text()) | damage if isinstance(damage, dict) else None
    path.write_text(json.dumps(changed) if changed else damage)
    with pytest.raises(MissingError, match=r"vit.*does not say how pictures are prepared"):
        load(folder)


def test_pictures_that_keep_their_shape_are_encoded_by_shape(tmp_path, pictures):
    from transformers import ConvNextConfig, ConvNextModel

    sizes = {"hidden_sizes": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}
    ConvNextModel(ConvNextConfig(**sizes)).save_pretrained(tmp_path)
    raw = {"size": {"shortest_edge": 64}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(raw))
    encoder = load(tmp_path)
    alone = [encoder.encode([picture]) for picture in pictures]
    torch.testing.assert_close(encoder.encode(pictures), torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_a_network_of_one_shape_wants_pictures_cropped(vit, tmp_path):
    folder = shutil.copytree(vit, tmp_path / "vit")
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": {"shortest_edge": 32}}))
    with pytest.raises(MissingError, match="crops nothing, and it takes one shape only"):
        load(folder)


@pytest.mark.parametrize(
    "raw",
    [
        {"size": {"height": 24, "width": 20}},
        {"size": {"shortest_edge": 24}, "crop_size": {"height": 20, "width": 20}},
        {"size": {"shortest_edge": 24}, "crop_size": {"height": 20, "width": 20}, "resample": 3},
        {"do_resize": False, "crop_size": {"height": 20, "width": 20}},
    ],
)
def test_preparation_equals_the_one_of_transformers(raw, pictures):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    raw = {"resample": 2, **raw, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
    raw["do_center_crop"] = "crop_size" in raw
    theirs = CLIPImageProcessorPil(**raw)
    ours = Preparation.of(raw)
    for picture in pictures:
        expected = theirs(picture, return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(ours(picture), expected, atol=1e-5, rtol=1e-5)
