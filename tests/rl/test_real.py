"""The real logs, through the real command line."""

import json

import pytest

pytestmark = pytest.mark.real
QUICK = ("episodes=100",)


@pytest.fixture
def films_of(mirctl, real_data, tmp_path):
    def simulate(*told):
        out = tmp_path / "users"
        folder = real_data / "movielens-posters"
        done = mirctl("rl", "simulate", folder, *QUICK, *told, "--out", out, "--json")
        assert done.code == 0, done.err
        return {name: entry["value"] for name, entry in json.loads(done.out)["metrics"].items()}

    return simulate


def test_movielens_ratings_are_foretold_better_than_by_their_means(films_of):
    found = films_of("--env", "ml-rating")
    assert found["fit.sd"] == pytest.approx(1.147, abs=0.001)
    assert found["fit.means"] == pytest.approx(1.006, abs=0.001)
    assert found["fit.early_on_late"] < found["fit.means"] - 0.005
    assert found["fit.completion"] < 0.936
    assert found["random.average"] == pytest.approx(0.2, abs=0.02)
    order = ("random", "popularity-aware", "mf-aware", "oracle")
    earned = [found[f"{name}.cumulative"] for name in order]
    assert earned == sorted(earned)
    assert earned[-1] > 29


def test_movielens_sequences_know_more_than_popularity(films_of):
    found = films_of("--env", "ml-seq")
    assert found["fit.completion"] > 0.7
    assert found["mf-aware.cumulative"] > found["popularity-aware.cumulative"]


def test_who_knows_other_users_is_right_more_often_than_titles_and_chance(
    mirctl, real_data, tmp_path
):
    out, folder = tmp_path / "users", real_data / "movielens-posters"
    assert mirctl("rl", "simulate", folder, *QUICK, "--out", out).code == 0
    right = {}
    for teacher in ("popular", "oracle", "adversarial"):
        told = ("--llm", teacher, "--out", tmp_path / teacher, "--json")
        found = json.loads(mirctl("rl", "distill", out, *told).out)["metrics"]
        right[teacher] = {name: entry["value"] for name, entry in found.items()}
    assert right["popular"]["precision"] > 0.7
    assert right["oracle"]["precision"] > 0.42
    assert right["oracle"]["rated.precision"] > right["popular"]["rated.precision"] + 0.05
    assert right["adversarial"]["rated.precision"] < right["adversarial"]["rated.chance"]
    assert 0.17 < right["oracle"]["random.precision"] < 0.24
