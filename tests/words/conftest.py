"""A plugin that gives a generator which counts its calls."""

import pytest

from mirctl import plugins
from mirctl.hookspecs import WordFeatures
from mirctl.words import Predictor
from words.counting import Counting


@pytest.fixture
def counting(monkeypatch):
    """Makes predictors of a generator that stands under a name."""
    Counting.calls = Counting.loads = 0
    spec = WordFeatures("count", "words.counting:Counting")
    monkeypatch.setattr(plugins, "results", lambda hook: [spec])
    monkeypatch.setattr(plugins, "version_of_giver", lambda hook, spec: "1.0")
    monkeypatch.setattr(plugins, "import_function", lambda name: Counting)

    def make(name="count"):
        return Predictor(name, None)

    return make
