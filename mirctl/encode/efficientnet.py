"""EfficientNet-Lite0 (Tan and Le, 2019; the Lite form has ReLU6 and no squeeze-and-excite).

Each of its 16 blocks is tapped and averaged over the picture. The module is our own; it takes the
published weights by name. Batch norms are folded into the convolutions once loaded, and pictures
go through in channels-last order: together more than twice as fast on a CPU.
"""

from collections.abc import Iterator, Sequence

import torch
from PIL.Image import Image, Resampling
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mirctl.encode import checkpoint
from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.preparation import Preparation
from mirctl.encode.protocol import tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import UsageError
from mirctl.hub import Model, contents

PREPARATION = Preparation(
    size=224,
    crop=(224, 224),
    filter=Resampling.BILINEAR,
    factor=1 / 255,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
"""As the package of the weights documents it."""
# (blocks, kernel, stride of the first, expansion, channels in, channels out)
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


def accepts(model: Model) -> bool:
    """Only the published .pth, by its name."""
    files = contents.model_files(model.folder)
    return len(files) == 1 and files[0].name.startswith("efficientnet-lite0")


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "LiteEncoder":
    """Read the weights, fold the norms."""
    if settings.pool not in ("auto", "mean"):
        raise UsageError("efficientnet-lite0 knows pool mean only", where="pool")
    network = EfficientNetLite0().eval().requires_grad_(False)
    checkpoint.load(network, model, contents.model_files(model.folder)[0])
    network.fold()
    return LiteEncoder(network.to(device, dtype, memory_format=torch.channels_last), settings)


class LiteEncoder:
    """Pictures -> the mean state of each tapped block."""

    modality = "image"

    def __init__(self, network: "EfficientNetLite0", settings: EncoderSettings) -> None:
        self.network = network
        shapes = list(_shapes())
        self.taps = tapped(settings, len(shapes))
        self.widths = tuple(shapes[tap][-1] for tap in self.taps)
        self.layers = tuple(f"block{tap}" for tap in self.taps)
        self.batch_size = settings.batch_size or 8
        self.parameters = weights_of(network)

    def encode(self, items: Sequence[Image]) -> Tensor:
        """(pictures, sum of widths)."""
        device = self.network._conv_stem.weight.device
        rows = on_each(self._encode, chunks(items, self.batch_size), device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _encode(self, batch: Sequence[Image]) -> Tensor:
        like = self.network._conv_stem.weight
        pixels = torch.stack([PREPARATION(picture) for picture in batch])
        states = self.network(pixels.to(like.device, like.dtype, memory_format=torch.channels_last))
        return torch.cat([states[tap] for tap in self.taps], 1).float().cpu()


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow does: output = ceil(input / stride), odd rest at the end."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (
            max(-(-n // stride) * stride - stride + kernel - n, 0) for n in x.shape[2:]
        )
        if height == width and height % 2 == 0:
            return F.conv2d(x, self.weight, self.bias, stride, height // 2, 1, self.groups)
        sides = (width // 2, width - width // 2, height // 2, height - height // 2)
        return F.conv2d(F.pad(x, sides), self.weight, self.bias, stride, 0, 1, self.groups)


class Block(nn.Module):
    """Widen, filter each channel, narrow; x is added back where the shape stays.

    x (batch, channels in, height, width) -> (batch, channels out, height / stride, ...).
    """

    def __init__(self, kernel: int, stride: int, expansion: int, before: int, after: int) -> None:
        super().__init__()
        wide = before * expansion
        self.adds = stride == 1 and before == after
        if expansion > 1:
            self._expand_conv = SameConv(before, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = SameConv(wide, after, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if hasattr(self, "_expand_conv"):
            y = F.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = F.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        return y.add_(x) if self.adds else y

    def fold(self) -> None:
        """Merge each frozen batch norm into the convolution before it."""
        for conv, norm in (
            ("_expand_conv", "_bn0"),
            ("_depthwise_conv", "_bn1"),
            ("_project_conv", "_bn2"),
        ):
            fold(self, conv, norm)


class EfficientNetLite0(nn.Module):
    """pictures (batch, 3, 224, 224) -> the mean state of each block, 16 x (batch, width)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self._blocks = nn.ModuleList(Block(*shape) for shape in _shapes())

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = F.relu6(self._bn0(self._conv_stem(pictures)), inplace=True)
        states = []
        for block in self._blocks:
            x = block(x)
            states.append(x.mean((2, 3)))
        return states

    def fold(self) -> None:
        """Merge all batch norms; only for inference."""
        fold(self, "_conv_stem", "_bn0")
        for block in self._blocks:
            block.fold()


def fold(module: nn.Module, conv: str, norm: str) -> None:
    """Merge the batch norm called `norm` into the convolution called `conv`."""
    if hasattr(module, conv):
        setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
        setattr(module, norm, nn.Identity())


def _shapes() -> Iterator[tuple[int, int, int, int, int]]:
    for blocks, kernel, stride, expansion, before, after in STAGES:
        yield kernel, stride, expansion, before, after
        for _ in range(blocks - 1):
            yield kernel, 1, expansion, after, after
