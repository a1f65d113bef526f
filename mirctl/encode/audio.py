"""Any Hugging Face audio model (Wav2Vec2, HuBERT, Whisper's encoder, AST ...): mean hidden states.

Sounds are never padded to each other: those that are prepared to one shape share a batch. Where a
model fills up its window with silence, the mean leaves that out.
"""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mirctl.encode.parallel import chunks, on_each
from mirctl.encode.pretrained import UNREADABLE, backbone, quiet, tower
from mirctl.encode.protocol import quoted, tapped, weights_of
from mirctl.encode.settings import EncoderSettings
from mirctl.encode.sounds import Sound
from mirctl.errors import MissingError, UsageError
from mirctl.hub import Model, contents

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.feature_extraction_sequence_utils import SequenceFeatureExtractor

LONGEST = 3600
"""Seconds of a window that a model may want filled up: more would only fill the memory."""


def accepts(model: Model) -> bool:
    """Every Hugging Face model is worth a try."""
    return contents.is_transformers(model.folder)


def load(
    settings: EncoderSettings, model: Model, device: torch.device, dtype: torch.dtype
) -> "AudioEncoder":
    """Read the weights and how sounds are to be prepared."""
    if settings.pool not in ("auto", "mean"):
        raise UsageError(f"pool {settings.pool!r} is not for sounds: use mean", where="pool")
    extractor = extractor_of(model)
    return AudioEncoder(tower(backbone(model, device, dtype), "audio"), extractor, settings, model)


def extractor_of(model: Model) -> "SequenceFeatureExtractor":
    """What makes of samples what the model takes."""
    from transformers import AutoFeatureExtractor

    with quiet():
        try:
            found = AutoFeatureExtractor.from_pretrained(
                model.folder, local_files_only=True, trust_remote_code=False
            )
            if not 1000 <= found.sampling_rate <= 192_000:
                raise ValueError(f"sampling_rate {found.sampling_rate} is none")
            if (window(found) or 1) not in range(1, LONGEST * found.sampling_rate):
                raise ValueError(f"a window of {window(found)} samples is none")
            return found
        except UNREADABLE as error:
            told = f"does not say how sounds are prepared (preprocessor_config.json): {error}"
            raise MissingError(quoted(model, told), where=str(model.folder)) from error


class AudioEncoder:
    """Sounds -> the mean state of each tapped layer."""

    modality = "audio"

    def __init__(
        self,
        network: "PreTrainedModel",
        extractor: "SequenceFeatureExtractor",
        settings: EncoderSettings,
        model: Model,
    ) -> None:
        self.network, self.extractor, self.model = network, extractor, model
        self.rate = int(extractor.sampling_rate)
        self.window = window(extractor)
        limit = self.window / self.rate if self.window else settings.most_seconds
        self.seconds = min(settings.most_seconds, limit)
        self.batch_size = settings.batch_size or 2
        self.parameters = weights_of(network)
        states = self._tried()
        self.taps = tapped(settings, len(states))
        self.widths = tuple(states[tap].shape[1] for tap in self.taps)
        self.layers = tuple("embeddings" if tap == 0 else str(tap) for tap in self.taps)

    def encode(self, items: Sequence[Sound]) -> Tensor:
        """(sounds, sum of widths)."""
        rows = on_each(self._encode, chunks(items, self.batch_size), self.network.device)
        return torch.cat([torch.empty(0, sum(self.widths)), *rows])

    def _tried(self) -> list[Tensor]:
        """The states of a second of silence; what the network does not take is told at once."""
        silence = np.zeros(self.rate, np.float32)
        try:
            with torch.inference_mode():
                return self._states(self._prepared(silence), [len(silence)])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            told = f"is no audio model: {error}"
            raise UsageError(quoted(self.model, told), where="model") from error

    def _encode(self, batch: Sequence[Sound]) -> Tensor:
        prepared = [self._prepared(sound.samples) for sound in batch]
        places: dict[torch.Size, list[int]] = {}
        for n, features in enumerate(prepared):
            places.setdefault(features.shape, []).append(n)
        out = torch.empty(len(batch), sum(self.widths))
        for some in places.values():
            counts = [len(batch[n].samples) for n in some]
            states = self._states(torch.cat([prepared[n] for n in some]), counts)
            out[some] = torch.cat([states[tap] for tap in self.taps], 1).cpu()
        return out

    def _prepared(self, samples: np.ndarray) -> Tensor:
        """(n,) -> what the network takes of one sound, (1, ...)."""
        found = self.extractor(samples, sampling_rate=self.rate, return_tensors="pt")
        return found[self.network.main_input_name]

    def _states(self, features: Tensor, counts: Sequence[int]) -> list[Tensor]:
        """What the network takes of some sounds, and their samples -> the mean state of every
        layer, (sounds, width)."""
        features = features.to(self.network.device, self.network.dtype)
        output = self.network(**{self.network.main_input_name: features}, output_hidden_states=True)
        states = output.hidden_states
        masks = [self._heard(count, states[0].shape[1]) for count in counts]
        return [mean(state, torch.stack(masks).to(state.device)) for state in states]

    def _heard(self, count: int, tokens: int) -> Tensor:
        """(tokens,) bool: those that tell of a sound of `count` samples, and of no filling."""
        share = min(1.0, count / self.window) if self.window else 1.0
        rows, columns = _grid(self.network.config) or (1, tokens)
        heard = torch.arange(columns) < ceil(columns * share)
        return torch.cat([torch.zeros(tokens - rows * columns).bool(), heard.repeat(rows)])


def window(extractor: "SequenceFeatureExtractor") -> int | None:
    """Samples that every sound is filled up, or cut, to; None where there is no such number."""
    if isinstance(samples := getattr(extractor, "n_samples", None), int):  # Whisper
        return samples
    frames = getattr(extractor, "max_length", None)  # AST, one each 10 ms
    return frames * extractor.sampling_rate // 100 if isinstance(frames, int) else None


def _grid(config: Any) -> tuple[int, int] | None:
    """Rows (pitch) and columns (time) of AST's patches, which stand behind its other tokens."""
    if config.model_type != "audio-spectrogram-transformer":
        return None
    rows = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
    return rows, (config.max_length - config.patch_size) // config.time_stride + 1


def mean(state: Tensor, mask: Tensor) -> Tensor:
    """(n, tokens, width), (n, tokens) -> (n, width) float32 over the tokens that are marked."""
    return (state.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
