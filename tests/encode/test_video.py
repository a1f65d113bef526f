"""Hugging Face video models against a hand-written call of transformers."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mirctl.encode import VideoSettings, load_encoder
from mirctl.encode.films import Film
from mirctl.errors import MissingError, UsageError

CPU, FP32 = torch.device("cpu"), torch.float32
SMALL = {
    "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8,
    "image_size": 16, "num_frames": 4,
}  # fmt: skip
PATCHES = {"VideoMAE": {"patch_size": 8}, "Timesformer": {"patch_size": 8},
           "Vivit": {"tubelet_size": [2, 8, 8]}}  # fmt: skip


def load(folder, **settings):
    return load_encoder(VideoSettings(model=str(folder), **settings), CPU, FP32)


def save(folder, kind):
    import transformers

    config = getattr(transformers, f"{kind}Config")(**SMALL, **PATCHES[kind])
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}}
    processor = transformers.VivitImageProcessor if kind == "Vivit" else None
    processor = processor or transformers.VideoMAEImageProcessor
    processor(**size).save_pretrained(folder)
    return folder


def film(seed, frames=4):
    random = np.random.default_rng(seed)
    shape = (30, 40, 3)
    return Film([Image.fromarray(random.integers(0, 256, shape, np.uint8)) for _ in range(frames)])


def by_hand(folder, pictures):
    """Every hidden state (tokens, width) of one film."""
    from transformers import AutoImageProcessor, AutoModel

    pixels = AutoImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt")
    network = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return [s[0] for s in network(**pixels, output_hidden_states=True).hidden_states]


@pytest.mark.parametrize("kind", ["VideoMAE", "Timesformer", "Vivit"])
def test_states_are_the_means_over_the_patches(tmp_path, kind):
    folder = save(tmp_path, kind)
    encoder = load(folder, batch_size=2)
    assert (encoder.frames, encoder.widths, encoder.side) == (4, (8, 8, 8), 20)
    films = [film(1), film(2), film(3)]
    patches = 4 * 4 // (2 if kind != "Timesformer" else 1)  # in time by two
    for row, one in zip(encoder.encode(films), films, strict=True):
        expected = torch.cat([state[-patches:].mean(0) for state in by_hand(folder, one.pictures)])
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_the_class_token_is_taken_where_it_is_asked_for(tmp_path):
    folder = save(tmp_path / "a", "Timesformer")
    (row,) = load(folder, pool="cls").encode([film(1)])
    expected = torch.cat([state[0] for state in by_hand(folder, film(1).pictures)])
    torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)
    with pytest.raises(UsageError, match="no class token"):
        load(save(tmp_path / "b", "VideoMAE"), pool="cls")


def test_a_number_of_frames_that_the_model_does_not_take_is_told(tmp_path):
    folder = save(tmp_path, "VideoMAE")
    with pytest.raises(UsageError, match="none of 6 frames"):
        load(folder, frames=6)


def test_what_is_no_video_model_is_told(vit, bert, tmp_path):
    with pytest.raises(UsageError, match="is no video model"):
        load(vit)
    with pytest.raises(MissingError, match="preprocessor_config"):
        load(bert)
    folder = shutil.copytree(vit, tmp_path / "vit")
    text = (folder / "preprocessor_config.json").read_text()
    assert '"size"' in text
    (folder / "preprocessor_config.json").write_text(
        '{"size": {"shortest_edge": 20}, "image_mean": [0.5, 0.5, 0.5], '
        '"image_std": [0.5, 0.5, 0.5]}'
    )
    with pytest.raises(MissingError, match="crops nothing"):
        load(folder)
