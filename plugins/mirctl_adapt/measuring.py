"""`mirctl adapt eval`: the metrics of a saved recommender again, on its own data or on other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import artifact, device, jobs, recipe
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.efficiency import Meter
from mirctl.errors import DataError
from mirctl_adapt import evaluation, recommender, saving, towers
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.evaluation import Scorer
from mirctl_adapt.neural import NeuralScorer, embed_items
from mirctl_adapt.pipeline import split_of, tell
from mirctl_adapt.recommender import Saved


def evaluate(
    folder: Path, changes: Sequence[str], device_name: str | None
) -> tuple[dict[str, Any], str]:
    """(metrics, report) of an artifact; `changes` may name other data or another protocol."""
    artifact.open_artifact(folder, kind=saving.KIND)
    options = jobs.Options(device=device_name)
    _, config = jobs.prepare(str(folder), changes, options, only="adapt/run")
    assert isinstance(config, AdaptConfig)
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config)
    tell(catalogue, split)
    saved = recommender.load(folder, device.choose(config.device))
    scorer = _scorer_for(saved, catalogue, config)
    metrics = evaluation.evaluate(scorer, split, config.evaluation, config.seed)
    return metrics, evaluation.report(metrics, config.evaluation)


def _scorer_for(saved: Saved, catalogue: Catalogue, config: AdaptConfig) -> Scorer:
    """The saved scorer where the catalogue is the trained one, else one over the new items."""
    if catalogue.items.ids == saved.item_ids:
        return saved.scorer
    if saved.model is None or not saved.config.model.encoders:
        raise DataError(
            f"these items are not the ones it was trained on, and method "
            f"{saved.config.model.method!r} knows items by their ids alone",
            where=recipe.dump(config.data).partition("\n")[0],
        )
    place = device.choose(config.device)
    dtype = device.precision(config.precision, place)
    inputs = towers.inputs_for(config.model, catalogue.items, place, dtype, Meter())
    known = [saved.item_index.get(name, -1) for name in catalogue.items.ids]
    return NeuralScorer(saved.model.users, embed_items(saved.model, inputs, known))
