"""Real catalogues: figures that were measured elsewhere, and the main job end to end."""

import json

import numpy as np
import pytest

from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.metrics import ranking
from mirctl.sequences import evaluation, histories
from mirctl_adapt import counting

pytestmark = pytest.mark.real


def films(real_data, seed):
    folder = real_data / "movielens-posters"
    config = DataConfig(
        interactions=folder / "interactions.csv",
        items=folder / "items.csv",
        images=folder / "posters",
    )
    catalogue = load_catalogue(config, seed=seed)
    return histories.split(*catalogue.interactions.sequences(), len(catalogue.items.ids), "full")


def measured(fit, parts):
    scorer = fit(parts.train, parts.n_items)
    return ranking.means(evaluation.rank_all(scorer, parts, "test", "mask"))


def test_popularity_scores_as_measured_elsewhere(real_data):
    """HR@10 .083, NDCG@10 .041, HR@20 .125: an independent implementation, one shuffling of the
    equal time stamps. Over shufflings the standard deviations are .005, .003 and .005.
    """
    found = [measured(counting.count_items, films(real_data, seed)) for seed in range(8)]
    mean = {name: np.mean([metrics[name] for metrics in found]) for name in found[0]}
    assert mean["hr@10"] == pytest.approx(0.083, abs=0.007)
    assert mean["ndcg@10"] == pytest.approx(0.041, abs=0.004)
    assert mean["hr@20"] == pytest.approx(0.125, abs=0.007)


def test_the_markov_chain_scores_as_measured_elsewhere(real_data):
    """HR@10 .137 to .143 over shufflings of equal time stamps; one shuffling's s.e. is .011."""
    found = [measured(counting.count_transitions, films(real_data, s))["hr@10"] for s in range(5)]
    assert np.mean(found) == pytest.approx(0.14, abs=0.013)


def test_repeats_of_amazon_scientific_are_counted(mirctl, real_data, tmp_path):
    folder = real_data / "amazon-scientific"
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"uses: adapt/run\ndata: {{interactions: {folder / 'users.tsv'}, "
        f"items: {folder / 'items.tsv'}}}\nmodel: {{method: pop}}\n"
    )
    ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m", "--json")
    assert ran.code == 0, ran.err
    assert "(5.1%) repeat an item of the history" in ran.err
    assert json.loads(ran.out)["metrics"]["hr@10"]["n"] == 12_076


@pytest.mark.slow
def test_the_main_job_beats_popularity_on_real_posters(mirctl, real_data, tmp_path):
    folder = real_data / "movielens-posters"
    changes = [
        f"data.interactions={folder / 'interactions.csv'}",
        f"data.items={folder / 'items.csv'}",
        f"data.images={folder / 'posters'}",
        "train.epochs=6",
    ]
    ran = mirctl("adapt", "run", "adapt/ml-100k", *changes, "--out", tmp_path / "m", "--json")
    if ran.code == 5:
        pytest.skip(f"the weights cannot be had: {ran.err}")
    assert ran.code == 0, ran.err
    assert "286 no image" in ran.err
    assert json.loads(ran.out)["metrics"]["ndcg@10"]["low"] > 0.055


@pytest.mark.slow
def test_text_encoders_of_unequal_depth_race_beside_the_pictures(mirctl, real_data, tmp_path):
    """The recipe wants nine groups of the titles' layers; MiniLM has six, and keeps them all."""
    folder = real_data / "movielens-posters"
    items = (folder / "items.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "items.csv").write_text("\n".join(items[:61]) + "\n", encoding="utf-8")
    options = ("--encoders", "text=minilm,gemma3-270m", "--methods", "iisan-versa", "--seeds", 1)
    ran = mirctl(
        "adapt", "compare", "adapt/ml-100k-gemma", f"data.images={folder / 'posters'}",
        f"data.interactions={folder / 'interactions.csv'}", f"data.items={tmp_path / 'items.csv'}",
        "data.unknown_items=drop", "train.epochs=1", *options, "--out", tmp_path / "race", "--json",
    )  # fmt: skip
    if ran.code == 5:
        pytest.skip(f"the weights cannot be had: {ran.err}")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    shapes = {name: (size["shape"], size["kept"]) for name, size in told["encoders"].items()}
    assert shapes == {"minilm": ("6 x 384", 6), "gemma3-270m": ("18 x 640", 9)}
    assert told["metrics"]["iisan-versa@gemma3-270m.ndcg@10-@minilm"]["n"] > 500
