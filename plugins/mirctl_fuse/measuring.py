"""`mirctl fuse eval`: the metrics of a saved model again, on its own data or on other; by modality,
and with modalities missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import console, device, jobs
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.data.items import Items
from mirctl.efficiency import Meter
from mirctl.encode.towers import CatalogueInputs, ItemBatch
from mirctl.errors import UsageError
from mirctl.metrics import ranking
from mirctl.sequences import evaluation
from mirctl.sequences.evaluation import rank_all
from mirctl.sequences.histories import Split
from mirctl.sequences.loading import TRAINED_ON, split_of, tell
from mirctl.sequences.scorer import NeuralScorer
from mirctl_fuse import experts, inputs, opening
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.experts import Change
from mirctl_fuse.inputs import Raw
from mirctl_fuse.missing import all_but, take_away
from mirctl_fuse.opening import Saved

CHANGEABLE = ("data.", "data=", "evaluation.", "evaluation=", "device=", "precision=")
VECTORS = re.compile(r"model\.modalities\.[^.=]+\.vectors=")
SHARES = (25, 50, 75)
"""Per cents of what items have that is taken away."""
MEASURE = "ndcg@10"


@dataclass(frozen=True)
class Measured:
    """Metrics, a report for people, and the weights of all items where the fusion weighs."""

    metrics: dict[str, Any]
    report: str
    experts: list[str]
    item_ids: list[str]
    weights: Tensor | None


def names() -> list[str]:
    """Every key that `evaluate` may give."""
    return [*evaluation.names(), f"only.*/{MEASURE}", f"missing.*/{MEASURE}"]


def evaluate(
    folder: Path, changes: Sequence[str], options: jobs.Options, *, apart: bool = False,
    missing: bool = False,
) -> Measured:  # fmt: skip
    """Measure a model; `apart`: also each modality alone, `missing`: with some taken away.

    The split is the trained one: another seed or model would measure what was trained on.
    """
    saved, config, catalogue = opened(folder, changes, options)
    split = split_of(catalogue, config.evaluation.protocol)
    tell(catalogue, split)
    _warn(saved, split, catalogue)
    read = inputs_of(saved, config, catalogue.items)
    embeddings, weights = experts.embed(saved.model.items, read)
    scorer = NeuralScorer(saved.model.users, embeddings)
    metrics = evaluation.evaluate(scorer, split, config.evaluation, config.seed).metrics
    parts = [evaluation.report(metrics, config.evaluation)]
    how = _Other(saved, read, split, config)
    if apart:
        told = {f"only.{name}": how.measure(only(n)) for n, name in enumerate(read.towers)}
        metrics |= {f"{name}/{MEASURE}": entry for name, entry in told.items()}
        parts.append(compared("modality alone", told, metrics[MEASURE]))
    if missing:
        told = {f"missing.{share}": how.measure(without(share, config.seed)) for share in SHARES}
        metrics |= {f"{name}/{MEASURE}": entry for name, entry in told.items()}
        parts.append(compared("per cent missing", told, metrics[MEASURE]))
    columns = experts.names(config.model, config.model.modalities)
    if weights is not None:
        parts.append(experts.summary(columns, weights))
    return Measured(metrics, "\n\n".join(parts), columns, catalogue.items.ids, weights)


def opened(
    folder: Path, changes: Sequence[str], options: jobs.Options
) -> tuple[Saved, FuseConfig, Catalogue]:
    """A model, its recipe with other data where `changes` say so, and that data."""
    for change in changes:
        if not change.startswith(CHANGEABLE) and not VECTORS.match(change):
            told = "this model is trained; only data.*, evaluation.* and where vectors lie"
            raise UsageError(f"{change!r}: {told}")
    saved = opening.load(folder, device.choose(options.device or "auto"))
    _, config = jobs.prepare(str(folder), changes, options, only="fuse/train")
    assert isinstance(config, FuseConfig)
    return saved, config, load_catalogue(config.data, seed=config.seed)


def inputs_of(saved: Saved, config: FuseConfig, items: Items) -> CatalogueInputs:
    """What the model reads of these items, encoded as for the training unless told otherwise."""
    place = saved.embeddings.device
    wanted = saved.precision if config.precision == "auto" else config.precision
    dtype = device.precision(wanted, place)
    raw = Raw.of(config, items)
    return inputs.inputs_for(config, raw, place, dtype, Meter(), saved.facts)


def _warn(saved: Saved, split: Split, catalogue: Catalogue) -> None:
    then = {item.name: item.sha256 for item in saved.art.manifest.inputs}
    if then.get(TRAINED_ON) != split.digest(catalogue.items.ids):
        console.warn(
            "the histories are split at other places than for the training, since other "
            "interactions, items or settings are given: a target may be one it learned from"
        )


@dataclass(frozen=True)
class _Other:
    """Measures the same model on items of which less is known."""

    saved: Saved
    read: CatalogueInputs
    split: Split
    config: FuseConfig

    def measure(self, change: Change) -> dict[str, Any]:
        embeddings, _ = experts.embed(self.saved.model.items, self.read, change)
        scorer = NeuralScorer(self.saved.model.users, embeddings)
        ranks = rank_all(scorer, self.split, "test", self.config.evaluation.repeats)
        return ranking.summarize(ranking.per_user(ranks), self.config.seed)[MEASURE]


def only(modality: int) -> Change:
    """Nothing but one modality."""
    return lambda batch, rows: all_but(batch, modality)


def without(share: int, seed: int) -> Change:
    """So many per cent of all that items have taken away, by item."""

    def change(batch: ItemBatch, rows: Tensor) -> ItemBatch:
        draws = [np.random.default_rng((seed, row)).random(len(batch.towers))
                 for row in rows.tolist()]  # fmt: skip
        return take_away(batch, torch.tensor(np.stack(draws), device=batch.ids.device), share / 100)

    return change


def compared(title: str, told: dict[str, dict[str, Any]], whole: dict[str, Any]) -> str:
    """A table of one measure on items of which less is known, beside that of all."""
    lines = [
        [name.partition(".")[2], f"{own['value']:.4f} [{own['low']:.4f}, {own['high']:.4f}]",
         f"{own['value'] / whole['value']:.2f}" if whole["value"] else "-"]
        for name, own in told.items()
    ]  # fmt: skip
    return console.table([title, "NDCG@10 [95 %]", "of all"], lines)
