"""`mirctl fuse eval` of a retriever: its metrics again, by modality, and with some missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirctl import console, device, jobs
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode.towers import CatalogueInputs
from mirctl.errors import UsageError
from mirctl_fuse import experts, inputs
from mirctl_fuse.experts import Change
from mirctl_fuse.inputs import Raw
from mirctl_fuse.measuring import MEASURE, SHARES, Measured, compared, only, without
from mirctl_fuse.retrieval import evaluation, model, opening, pairs
from mirctl_fuse.retrieval.config import SIDES, PairConfig
from mirctl_fuse.retrieval.evaluation import Embedded
from mirctl_fuse.retrieval.opening import Saved
from mirctl_fuse.retrieval.pairs import Pairs

CHANGEABLE = ("data.", "data=", "device=", "precision=")
VECTORS = re.compile(r"model\.(queries|items)\.[^.=]+\.vectors=")


def opened(folder: Path, changes: Sequence[str], options: jobs.Options) -> tuple[Saved, PairConfig]:
    """A retriever, and its recipe with other data where `changes` say so."""
    for change in changes:
        if not change.startswith(CHANGEABLE) and not VECTORS.match(change):
            told = "this model is trained; only data.*, and where vectors lie"
            raise UsageError(f"{change!r}: {told}")
    saved = opening.load(folder, device.choose(options.device or "auto"))
    _, config = jobs.prepare(str(folder), changes, options, only="fuse/retrieval")
    assert isinstance(config, PairConfig)
    return saved, config


def inputs_of(saved: Saved, config: PairConfig, things: Items, side: str) -> CatalogueInputs:
    """What one side reads, encoded as for the training unless told otherwise."""
    then = next(iter(saved.facts[side].values()))["precision"]
    dtype = device.precision(then if config.precision == "auto" else config.precision, saved.place)
    own = config.side(side)
    raw = Raw.of(own, things)
    return inputs.inputs_for(own, raw, saved.place, dtype, Meter(), saved.facts[side])


def evaluate(
    folder: Path, changes: Sequence[str], options: jobs.Options, *, apart: bool, missing: bool
) -> Measured:
    """Measure a retriever; `apart`: also each modality alone on its side, `missing`: with some
    taken away on both."""
    saved, config = opened(folder, changes, options)
    whole = pairs.load(config)
    read = {side: inputs_of(saved, config, whole.side(side), side) for side in SIDES}
    known = whole.between(*map(evaluation.known, read.values()))
    pairs.tell(known, whole)
    pairs.refuse_too_few(known, valid=False)
    _warn(saved, known)
    other = _Other(saved, read, known, config.seed)
    found = evaluation.measured(saved.model, *read.values(), known, ["test", "valid"])
    metrics = evaluation.summarize(found, config.seed)
    parts = [evaluation.report(metrics)]
    if apart:
        told = {f"only.{side}.{name}": other.measure({side: only(n)})
                for side in SIDES for n, name in enumerate(read[side].towers)}  # fmt: skip
        metrics |= {f"{name}/{MEASURE}": entry for name, entry in told.items()}
        parts.append(compared("modality alone", told, metrics[MEASURE]))
    if missing:
        told = {f"missing.{share}": other.measure(dict.fromkeys(SIDES, without(share, config.seed)))
                for share in SHARES}  # fmt: skip
        metrics |= {f"{name}/{MEASURE}": entry for name, entry in told.items()}
        parts.append(compared("per cent missing", told, metrics[MEASURE]))
    names = experts.names(config.model, config.model.items)
    _, weights = model.embed(saved.model.items, read["items"])
    if weights is not None:
        parts.append(experts.summary(names, weights))
    return Measured(metrics, "\n\n".join(parts), names, whole.items.ids, weights)


def _warn(saved: Saved, known: Pairs) -> None:
    then = {item.name: item.sha256 for item in saved.art.manifest.inputs}
    if then.get(pairs.TRAINED_ON) != known.of("train").digest():
        console.warn(
            "these are not the pairs of the training, or split otherwise: a query may be one it "
            "learned from"
        )


@dataclass(frozen=True)
class _Other:
    """Measures the same model on things of which less is known."""

    saved: Saved
    read: dict[str, CatalogueInputs]
    known: Pairs
    seed: int

    def measure(self, changes: dict[str, Change]) -> dict[str, Any]:
        made = [model.embed(self.saved.model.side(side), self.read[side], changes.get(side))[0]
                for side in SIDES]  # fmt: skip
        both = Embedded(*made, *map(evaluation.known, self.read.values()))
        found = {part: evaluation.values(both, self.known, part) for part in ("test", "valid")}
        return evaluation.summarize(found, self.seed)[MEASURE]
