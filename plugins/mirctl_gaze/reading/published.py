"""ET1 and ET2 with the weights that their authors published, from a file beside the tokenizer.

A folder holds `config.json` and the tokenizer files of the model that the weights were trained from
(google-t5/t5-small for et1, FacebookAI/roberta-base for et2), and beside them a state dict, called
as in `FILES`; any other name is told with its path. Values are in the units of the authors' data.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mirctl import cache, files, hub, places
from mirctl.errors import MissingError
from mirctl.hub import contents
from mirctl.words import Generator, needs_weights
from mirctl_gaze.reading import base
from mirctl_gaze.reading.et1 import Et1
from mirctl_gaze.reading.et2 import Et2
from mirctl_gaze.reading.network import ReadingNetwork

VERSION = 1
FILES = ("model.safetensors", "model.pth", "T5-tokenizer-BiLSTM-TRT-12-concat-3")
"""What a folder's weights may be called; the first there is taken."""
DROPPED = "base.pooler."
"""A part of a state dict that no word is read from."""


@dataclass(frozen=True)
class Kind:
    """One of the two predictors."""

    name: str
    measures: tuple[str, ...]
    start: str
    """The model that its weights were trained from."""


ET1 = Kind("et1", ("TRT",), "google-t5/t5-small")
ET2 = Kind("et2", ("nFix", "FFD", "GPT", "TRT", "fixProp"), "FacebookAI/roberta-base")


class Published:
    """The generator `et1:WEIGHTS` or `et2:WEIGHTS`."""

    def __init__(self, kind: Kind, weights: str) -> None:
        self.kind, self.weights = kind, _weights(kind, weights)
        self.measures = kind.measures
        beside = self.weights.parent
        read = [path for path in sorted(beside.iterdir()) if contents.counts(path.name)]
        with cache.remembered() as known:
            hashes = {path.name: known.sha256(path) for path in {*read, self.weights}}
        facts = (VERSION, kind.name, sorted(hashes.items()))
        self.key = hashlib.sha256(repr(facts).encode()).hexdigest()

    def load(self, device: torch.device) -> Generator:
        """Read the weights; nothing random is left."""
        start = base.beside(self.weights.parent)
        state = _state(self.weights)
        network = self._et1(start, state) if self.kind is ET1 else self._et2(start, state)
        model = ReadingNetwork(network, len(self.measures))
        for name, value in {"centre": 0.0, "lowest": 0.0, "highest": torch.inf}.items():
            getattr(model, name).fill_(value)  # the spread is 1
        return model.to(device).eval().measure

    def _et1(self, start: base.Base, state: Mapping[str, Tensor]) -> Et1:
        network = Et1(start, len(self.measures), dropout=0.0)
        self._fill(network, state)
        return network

    def _et2(self, start: base.Base, state: Mapping[str, Tensor]) -> Et2:
        """`roberta.*` or `bert.*`, and `decoder.*`, which may stand in an nn.Sequential."""
        network = Et2(start, len(self.measures))
        named = {name.replace("decoder.0.", "decoder."): tensor for name, tensor in state.items()}
        for prefix in ("roberta.", "bert."):
            named = {name.replace(prefix, "base.", 1) if name.startswith(prefix) else name: tensor
                     for name, tensor in named.items()}  # fmt: skip
        self._fill(network, {k: v for k, v in named.items() if not k.startswith(DROPPED)})
        return network

    def _fill(self, network: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
        wanted = network.state_dict()
        where = str(self.weights)
        for name in sorted(wanted.keys() | state.keys()):
            problem = None
            if name not in state or name not in wanted:
                problem = "is missing" if name in wanted else f"has no place in {self.kind.name}"
            elif state[name].shape != wanted[name].shape:
                shapes = [list(part[name].shape) for part in (state, wanted)]
                problem = "is {}, and with the config beside it {}".format(*shapes)
            elif not state[name].isfinite().all():
                problem = "holds what is no finite number"
            if problem:
                raise MissingError(f"no weights of {self.kind.name}: {name} {problem}", where=where)
        network.load_state_dict(dict(state))


def et1(weights: str | None) -> Published:
    """For the hook `mirctl_word_features`."""
    return _opened(ET1, weights)


def et2(weights: str | None) -> Published:
    """For the hook `mirctl_word_features`."""
    return _opened(ET2, weights)


def _opened(kind: Kind, weights: str | None) -> Published:
    if weights is None:
        what = f"FILE, or FOLDER, of a state dict beside the tokenizer of {kind.start}; or train "
        what += f"one: mirctl gaze fit-reading TRAIN --arch {kind.name} --out FOLDER"
        raise needs_weights(kind.name, what)
    return Published(kind, weights)


def _weights(kind: Kind, name: str) -> Path:
    """The file of weights that a name means: a file, a folder, or a model of the hub or of pip."""
    path = files.expanded(name).absolute()
    with files.unreadable_is(MissingError, path):
        if not places.seen(path).exists() and not name.startswith(("/", ".", "~")):
            path = hub.resolve(name).folder
        if path.is_dir():
            there = [path / file for file in FILES if (path / file).is_file()]
            if not there:
                told = f"{kind.name}: no file of weights: {', '.join(FILES)}"
                raise MissingError(told, where=str(path))
            path = there[0]
        elif not path.is_file():
            raise MissingError(f"{kind.name}: there is no such file or folder", where=str(path))
    if not (path.parent / "config.json").is_file():
        told = f"{kind.name}: beside its weights stands no config.json: put that of {kind.start} "
        raise MissingError(told + "there, and its tokenizer files", where=str(path.parent))
    return path


def _state(path: Path) -> dict[str, Tensor]:
    """A file of tensors by name; a pickle is read as data alone."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError,
            pickle.UnpicklingError, SafetensorError) as error:  # fmt: skip
        told = "is no state dict that can be read without running code from it"
        reason = str(error).strip().partition("\n")[0]
        raise MissingError(f"{told}: {reason}", where=str(path)) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise MissingError("is no state dict: tensors by name", where=str(path))
    return {name: value.float() for name, value in state.items() if value.is_floating_point()}
