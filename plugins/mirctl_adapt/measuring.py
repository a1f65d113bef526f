"""`mirctl adapt eval`: the metrics of a saved recommender again, on its own data or on other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import artifact, console, device, inputs, jobs
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.errors import DataError, UsageError
from mirctl_adapt import evaluation, recommender, saving, towers
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.neural import NeuralScorer
from mirctl_adapt.pipeline import split_of, tell

CHANGEABLE = ("data.", "evaluation.", "device=", "precision=")


def evaluate(
    folder: Path, changes: Sequence[str], options: jobs.Options
) -> tuple[dict[str, Any], str]:
    """(metrics, report) of an artifact; `changes` may name other data or another protocol.

    The split is the trained one: another seed or model would measure what was trained on.
    """
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    for change in changes:
        if not change.startswith(CHANGEABLE):
            raise UsageError(f"{change!r}: eval measures this model; only data.* and evaluation.*")
    _, config = jobs.prepare(str(folder), changes, options, only="adapt/run")
    assert isinstance(config, AdaptConfig)
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config)
    tell(catalogue, split)
    saved = recommender.load(folder, device.choose(config.device))
    content = bool(config.model.encoders)
    same_ids = catalogue.items.ids == saved.item_ids
    if not content and not same_ids:
        raise DataError(
            f"these items are not the ones it was trained on, and method "
            f"{config.model.method!r} knows items by their ids alone",
            where=catalogue.items.where,
        )
    changed = _changed(art, catalogue, config)
    _warn_of_leaks(changed, catalogue.report["dropped_unknown"])
    if same_ids and not changed & {towers.input_name(name) for name in config.model.encoders}:
        scorer = saved.scorer
    else:
        place = saved.scorer.embeddings.device
        embeddings = recommender.embed(saved, catalogue.items, place, config.precision)
        scorer = NeuralScorer(saved.model.users, embeddings)
    metrics = evaluation.evaluate(scorer, split, config.evaluation, config.seed)
    return metrics, evaluation.report(metrics, config.evaluation)


def _changed(art: artifact.Artifact, catalogue: Catalogue, config: AdaptConfig) -> set[str]:
    """Names of the inputs that are not byte for byte those of the training."""
    now = {item["name"]: item["sha256"] for item in inputs.describe(config)}
    now |= towers.contents(config.model, catalogue.items)
    then = {item.name: item.sha256 for item in art.manifest.inputs}
    return {name for name in now if then.get(name) != now[name]}


def _warn_of_leaks(changed: set[str], lost: int) -> None:
    """Other data are split at other places, and what is a target now may have been trained on."""
    if changed & {"data.interactions", "data.microlens"}:
        console.warn(
            "the interactions are not those of the training: a target may be one it learned from"
        )
    if lost and "data.items" in changed:
        console.warn(
            f"{lost} interactions name items that are gone: the targets before them move up, and "
            "may be ones it learned from"
        )
