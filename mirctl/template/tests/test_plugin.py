"""Fixtures such as `mirctl` come with mirctl itself: see mirctl.testing."""

import json

import pytest
from mirctl.testing import conformance


@pytest.fixture
def recipe(tmp_path):
    rows = [f"{value},a" for value in range(50)]
    (tmp_path / "table.csv").write_text("\n".join(["value,word", *rows]) + "\n")
    path = tmp_path / "recipe.yaml"
    path.write_text("uses: PLUGIN/run\ntable: table.csv\ncolumn: value\n")
    return path


def test_the_plugin_keeps_the_rules_of_mirctl(recipe):
    conformance("PLUGIN", recipe)


def test_a_run_learns_the_mean(mirctl, recipe, tmp_path):
    ran = mirctl("run", recipe, "--out", tmp_path / "model", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"]["mae"]["n"] == 10
    shown = json.loads(mirctl("PLUGIN", "show", tmp_path / "model", "--json").out)
    assert 15 < shown["mean"] < 35


def test_a_column_of_words_is_bad_data(mirctl, recipe, tmp_path):
    ran = mirctl("run", recipe, "column=word", "--out", tmp_path / "model")
    assert ran.code == 3
    assert "table.csv: word:" in ran.err
