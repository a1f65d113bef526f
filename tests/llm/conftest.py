"""Servers that tests script, and no long waits."""

import pytest

from llm_server import Server
from mirctl.llm import pace


@pytest.fixture
def serve():
    """Starts servers, which end with the test."""
    servers = []

    def start(script=None, **settings):
        servers.append(Server(script, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.01)
