"""What is asked about, read by frozen models that stay loaded; nothing of it is cached."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console, device
from mirctl.encode import catalogue
from mirctl.encode.opening import opener, require_readers
from mirctl.encode.protocol import Encoder, Item, choose
from mirctl.encode.states import LARGEST, States
from mirctl.encode.towers import CatalogueInputs, Source
from mirctl.encode.tuning import TextTower
from mirctl.errors import DataError
from mirctl_fuse import experts, measuring
from mirctl_fuse.building import WHOLE
from mirctl_fuse.crossan import ItemEncoder
from mirctl_fuse.inputs import Reads, precision


class Reader:
    """The frozen models of what an encoder of items, or of queries, reads: each is loaded when
    first something is asked of it."""

    def __init__(
        self, config: Reads, facts: Mapping[str, Mapping[str, Any]], encoder: ItemEncoder,
        place: torch.device,
    ) -> None:  # fmt: skip
        self.config, self.facts, self.encoder, self.place = config, facts, encoder, place
        self.dtype = device.precision(precision(config.model, facts), place)
        self._models: dict[str, tuple[Encoder, str]] = {}
        self._loaded: dict[str, Encoder] = {}

    def load(self) -> None:
        """All of them now."""
        for name in self.config.model.cached:
            self._model(name)

    def vectors(
        self, given: Sequence[Mapping[str, str]], *, apart: bool
    ) -> list[dict[str, Tensor]]:
        """Of things of which only this is known by modality (texts, and names of files) a vector as
        a whole and, `apart`, one by each modality alone."""
        with console.aside():
            read = self.read(given)
            spaces = {WHOLE: experts.embed(self.encoder, read)[0].cpu()}
            for n, name in enumerate(read.towers if apart else ()):
                if any(name in one for one in given):
                    own, _ = experts.embed(self.encoder, read, measuring.only(n))
                    spaces[name] = own.cpu()
        return [{name: own[n] for name, own in spaces.items() if name in (WHOLE, *one)}
                for n, one in enumerate(given)]  # fmt: skip

    def read(self, given: Sequence[Mapping[str, str]]) -> CatalogueInputs:
        """What the encoder reads of them; models that learned are part of it."""
        facts, model = self.facts, self.config.model
        said = {name: [one.get(name) for one in given] for name in facts}
        frozen = [name for name in facts if name not in model.tuned]
        states = {name: self._states(name, said[name]) for name in frozen}
        kept = {name: facts[name]["layers"] for name in frozen}
        towers: dict[str, Source] = dict(catalogue.keep_layers(states, kept, self.dtype))
        for name, own in model.tuned.items():
            towers[name] = TextTower(own, said[name], model.method, model.bottleneck)
        towers = {name: towers[name] for name in facts}
        made = CatalogueInputs(towers, len(given), self.place)
        models = {name: own.model or str(own.vectors) for name, own in model.modalities.items()}
        catalogue.refuse_others(made, facts, models, self.config.key)
        return made

    def _states(self, name: str, items: Sequence[str | None]) -> States:
        """Of one modality; what cannot be read is a DataError."""
        facts = self.facts[name]
        here = [n for n, item in enumerate(items) if item is not None]
        rows = np.full(len(items), -1)
        if not here:
            layers = tuple(str(k) for k in range(len(facts["widths"])))
            return States(tuple(facts["widths"]), layers, rows, [], {}, weights=facts["weights"])
        rows[here] = np.arange(len(here))
        encoder, weights = self._model(name)
        blocks = []
        for start in range(0, len(here), encoder.batch_size):
            some = [str(items[n]) for n in here[start : start + encoder.batch_size]]
            blocks.append(_encoded(encoder, name, some))
        return States(encoder.widths, encoder.layers, rows, blocks, {}, weights=weights)

    def _model(self, name: str) -> tuple[Encoder, str]:
        """The frozen model of a modality and its sha256; modalities that read alike share one."""
        if name not in self._models:
            with catalogue.in_recipe(self.config.key(name)):
                choice = choose(self.config.model.encoders[name], self.dtype)
                if choice.key not in self._loaded:
                    self._loaded[choice.key] = choice.load(self.place)
            self._models[name] = self._loaded[choice.key], choice.weights
        return self._models[name]


def _encoded(encoder: Encoder, name: str, items: Sequence[str]) -> Tensor:
    """(items, sum of widths) fp16, as the cache keeps them."""
    states = encoder.encode(items if encoder.modality == "text" else _opened(encoder, name, items))
    if states.isnan().any():
        raise DataError(f"{name}: its model makes no numbers of what is asked")
    return states.clamp(-LARGEST, LARGEST).to(torch.float16)


def _opened(encoder: Encoder, name: str, files: Sequence[str]) -> list[Item]:
    paths = [Path(file) for file in files]
    require_readers(encoder.modality, paths)
    open_file, found = opener(encoder), []
    for path in paths:
        item = open_file(path, None)
        if isinstance(item, str):
            raise DataError(f"{name}: {path} cannot be read: {item}")
        found.append(item)
    return found
