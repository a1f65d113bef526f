"""`mirctl adapt eval`: the metrics of a saved recommender again, on its own data or on other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import artifact, console, device, jobs
from mirctl.data.catalogue import load_catalogue
from mirctl.errors import DataError, UsageError
from mirctl.sequences import evaluation
from mirctl.sequences.loading import TRAINED_ON, split_of, tell
from mirctl.sequences.scorer import NeuralScorer
from mirctl_adapt import opening, recommender, saving, towers
from mirctl_adapt.config import AdaptConfig

CHANGEABLE = ("data.", "data=", "evaluation.", "evaluation=", "device=", "precision=")


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
    opening.config(art)  # what is wrong with it is not the fault of the changes
    _, config = jobs.prepare(str(folder), changes, options, only="adapt/run")
    assert isinstance(config, AdaptConfig)
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config.evaluation.protocol)
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
    then = {item.name: item.sha256 for item in art.manifest.inputs}
    if then.get(TRAINED_ON) != split.digest(catalogue.items.ids):
        console.warn(
            "the histories are split at other places than for the training, since other "
            "interactions, items or settings are given: a target may be one it learned from"
        )
    now = towers.contents(config.model, catalogue.items)
    if same_ids and all(then.get(name) == digest for name, digest in now.items()):
        scorer = saved.scorer
    else:
        place = saved.scorer.embeddings.device
        embeddings = recommender.embed(saved, catalogue.items, place, config.precision)
        scorer = NeuralScorer(saved.model.users, embeddings)
    metrics = evaluation.evaluate(scorer, split, config.evaluation, config.seed).metrics
    return metrics, evaluation.report(metrics, config.evaluation)
