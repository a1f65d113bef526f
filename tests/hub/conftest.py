"""A hub on the loopback that this process takes for the hub, and artifacts to send there."""

import json

import pytest
import torch

from hub.server import Hub
from mirctl import artifact

TOKEN = "hf_secretsecretsecretsecretsecret"


@pytest.fixture
def waits(monkeypatch):
    """How long the hub's library wanted to wait; it does not."""
    found = []

    class Time:
        sleep = staticmethod(found.append)

    for module in ("utils._http", "file_download"):
        monkeypatch.setattr(f"huggingface_hub.{module}.time", Time)
    return found


@pytest.fixture
def hub(tmp_path, monkeypatch, waits):
    """The hub that HF_ENDPOINT would name; it is read when the library is imported."""
    from huggingface_hub import constants, utils

    server = Hub(TOKEN)
    settings = {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_CACHE": str(tmp_path / "hf"),
        "HF_TOKEN_PATH": str(tmp_path / "hf" / "token"),
        "AGENT_HARNESSES_PATH": str(tmp_path / "hf" / "agents.json"),
    }
    for name, value in settings.items():
        monkeypatch.setattr(constants, name, value, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    utils.close_session()
    yield server
    utils.close_session()
    server.stop()


@pytest.fixture
def offline(monkeypatch, hub):
    """Forbids the network, as HF_HUB_OFFLINE=1 does."""
    from huggingface_hub import constants

    return lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def made(tmp_path):
    """Writes artifacts: made("name", w=[1.0, 2.0]) -> folder, with inputs beside it."""

    def made(name="art", w=(0.0, 1.0, 2.0), out=None, **files):
        folder = out or tmp_path / "secretplace" / name
        recipe = {"uses": "test/run", "data": {"rows": "../layoffs.csv", "names": ["../a", "b"]}}
        inputs = [{"name": "data.rows", "path": "../layoffs.csv", "sha256": "0" * 64}]
        with artifact.create(folder, "test/model", force=True) as draft:
            draft.tensors("model", {"w": torch.tensor(w)})
            draft.text("recipe.yaml", json.dumps(recipe))
            draft.json("metrics.json", {"hr@10": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}})
            for file, text in files.items():
                draft.text(file, text)
            draft.describe(seed=3, inputs=inputs, method="pop")
        return folder

    return made


@pytest.fixture
def pushed(made, mirctl, hub):
    """An artifact that stands at org/shop: its folder here, and its commit there."""
    folder = made()
    ran = mirctl("hub", "push", folder, "org/shop", "--quiet")
    assert ran.code == 0, ran.err
    return folder, ran.out.strip().partition("@")[2]
