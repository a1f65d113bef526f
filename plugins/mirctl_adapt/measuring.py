"""`mirctl adapt eval`: the metrics of a saved recommender again, on its own data or on other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import artifact, console, device, inputs, jobs
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.efficiency import Meter
from mirctl.errors import DataError, UsageError
from mirctl_adapt import evaluation, recommender, saving, towers
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.evaluation import Scorer
from mirctl_adapt.neural import NeuralScorer, embed_items
from mirctl_adapt.pipeline import split_of, tell
from mirctl_adapt.recommender import Saved

CHANGEABLE = ("data.", "evaluation.", "device=", "precision=")


def evaluate(
    folder: Path, changes: Sequence[str], device_name: str | None
) -> tuple[dict[str, Any], str]:
    """(metrics, report) of an artifact; `changes` may name other data or another protocol.

    The split is the trained one: another seed or model would measure what was trained on.
    """
    art = artifact.open_artifact(folder, kind=saving.KIND)
    for change in changes:
        if not change.startswith(CHANGEABLE):
            raise UsageError(f"{change!r}: eval measures this model; only data.* and evaluation.*")
    options = jobs.Options(device=device_name)
    _, config = jobs.prepare(str(folder), changes, options, only="adapt/run")
    assert isinstance(config, AdaptConfig)
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config)
    tell(catalogue, split)
    saved = recommender.load(folder, device.choose(config.device))
    content = saved.model is not None and bool(saved.config.model.encoders)
    same_ids = catalogue.items.ids == saved.item_ids
    if not content and not same_ids:
        raise DataError(
            f"these items are not the ones it was trained on, and method "
            f"{config.model.method!r} knows items by their ids alone",
            where=catalogue.items.where,
        )
    now = {item["name"]: item["sha256"] for item in inputs.describe(config)}
    if content:
        now |= towers.contents(config.model, catalogue.items)
    then = {item.name: item.sha256 for item in art.manifest.inputs}
    changed = {name for name in now if then.get(name) != now[name]}
    if changed & {"data.interactions", "data.microlens"}:
        console.warn(
            "the interactions are not those of the training: a target may be one it learned from"
        )
    if same_ids and not changed & {towers.input_name(name) for name in config.model.encoders}:
        scorer = saved.scorer
    else:
        scorer = _embed_anew(saved, catalogue, config)
    metrics = evaluation.evaluate(scorer, split, config.evaluation, config.seed)
    return metrics, evaluation.report(metrics, config.evaluation)


def _embed_anew(saved: Saved, catalogue: Catalogue, config: AdaptConfig) -> Scorer:
    """A scorer over the items as they are now."""
    place = device.choose(config.device)
    dtype = device.precision(config.precision, place)
    states = towers.inputs_for(config.model, catalogue.items, place, dtype, Meter(), saved.towers)
    known = [saved.item_index.get(name, -1) for name in catalogue.items.ids]
    return NeuralScorer(saved.model.users, embed_items(saved.model, states, known))
