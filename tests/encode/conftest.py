import pytest

from mirctl import builtin, plugins


@pytest.fixture(autouse=True)
def built_in_encoders(monkeypatch):
    """Only the core's own encoders, whatever is installed."""
    monkeypatch.setattr(plugins, "results", lambda hook: builtin.mirctl_encoders())
