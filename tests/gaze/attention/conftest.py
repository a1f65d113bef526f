"""Folders of tiny models."""

import pytest

from gaze.attention import networks


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Gives the folder of a kind of model, with its tokenizer of bytes."""
    known = {}

    def folder(kind):
        if kind not in known:
            known[kind] = tmp_path_factory.mktemp(kind)
            networks.network(kind).save_pretrained(known[kind])
            networks.tokenizer(special=kind == "bert").save_pretrained(known[kind])
        return known[kind]

    return folder
