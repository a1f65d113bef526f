"""Rows without padding, and with what two begin with once, give what rows give."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from align.model.batches import K, rows, together
from mirctl_align import base, packing
from mirctl_align.config import GazeConfig, ModelConfig
from mirctl_align.gaze import TokenGaze
from mirctl_align.packing import Packing
from mirctl_align.rows import Rows

INJECTIONS = ("none", "concat", "add", "aux-loss", "token-weight")
LENGTHS, SHARED = (7, 3, 12, 1, 9, 3, 5, 4), (5, 2, 0, 1)
"""Of four dialogues, then of their fellows; the last pair has one that is all of the other's
beginning."""


@pytest.fixture
def batch():
    """Rows whose second half begins as the first."""
    alone = rows(LENGTHS)
    for n, count in enumerate(SHARED):
        for name in ("ids", "gaze", "seen", "first"):
            getattr(alone[4 + n], name)[:, :count] = getattr(alone[n], name)[:, :count]
    return together(alone)


def gradients(model, rewards, missed):
    model.zero_grad()
    (rewards @ torch.arange(1.0, 9.0) + missed).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("inject", INJECTIONS)
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_rewards_and_gradients_are_those_of_rows(build, batch, family, inject):
    model = build(family, inject, "full", checkpointing=inject == "add")
    wanted = model.forward_with_aux(batch)
    by_rows = gradients(model, *wanted)
    model.pack()
    assert model.packs
    found = model.forward_with_aux(batch, torch.tensor(SHARED))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    for name, gradient in gradients(model, *found).items():
        torch.testing.assert_close(gradient, by_rows[name], atol=1e-4, rtol=1e-4)
    # Rows as they are go through the same network.
    torch.testing.assert_close(model(batch), wanted[0], atol=1e-5, rtol=1e-5)


def test_every_token_is_computed_once(batch):
    found = Packing.of(batch.real, torch.tensor(SHARED))
    assert len(found.own) == sum(LENGTHS) - sum(SHARED)
    tokens = batch.ids.flatten()[found.own]
    assert torch.equal(tokens[found.place][batch.real], batch.ids[batch.real])
    for n, count in enumerate(SHARED):
        assert torch.equal(found.place[n, :count], found.place[4 + n, :count])
    assert len(found.back) == len(found.own)


def test_a_changed_beginning_is_felt_by_both(build, batch):
    model = build("llama")
    model.pack()
    with torch.no_grad():
        before = model(batch, torch.tensor(SHARED))
        ids = batch.ids.clone()
        ids[0, 1] = 4 if ids[0, 1] != 4 else 5
        after = model(replace(batch, ids=ids), torch.tensor(SHARED))
    changed = (before != after).tolist()
    assert changed == [True, False, False, False, True, False, False, False]


def test_what_is_alike_ends_at_the_first_token_or_gaze_that_differs():
    ids = [np.array(some) for some in ([1, 2, 3, 4], [1, 2], [1, 2, 4], [1, 2, 3])]
    assert Rows(ids, None).shared().tolist() == [2, 2]
    first = np.zeros(4, bool)
    gaze = [TokenGaze(np.array([[np.nan, 1.0], [2.0, v], [3.0, 3.0], [4.0, 4.0]], np.float32)[:n],
                      first[:n]) for v, n in ((2, 4), (2, 2), (2, 3), (9, 3))]  # fmt: skip
    assert Rows(ids, gaze).shared().tolist() == [2, 1]
    gaze[2] = replace(gaze[2], first=np.array([True, False, False]))
    assert Rows(ids, gaze).shared().tolist() == [0, 1]


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_encoders_take_rows(build, family):
    model = build(family)
    model.pack()
    assert not model.packs


def test_an_attention_bias_takes_rows(build):
    model = build("llama", "attn-bias")
    model.pack()
    assert not model.packs


def test_an_attention_within_windows_takes_rows(tmp_path, words):
    from transformers import MistralConfig, MistralModel

    config = MistralConfig(
        vocab_size=14, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=8, sliding_window=4, max_position_embeddings=32,
    )  # fmt: skip
    MistralModel(config).save_pretrained(tmp_path)
    words(tmp_path, special=False)
    model = base.start(str(tmp_path)).reward_model(ModelConfig(base=str(tmp_path)), GazeConfig(), K)
    model.pack()
    assert not model.packs


@pytest.mark.parametrize("wrong", ["raises", "differs"])
def test_a_network_that_reads_other_rows_is_found(build, monkeypatch, wrong):
    model = build("llama")
    forward = model.network.base_model.forward

    def without(*given, packing=None, **told):
        if packing is not None and wrong == "raises":
            raise TypeError("no packing")
        return forward(*given, **told)

    monkeypatch.setattr(model.network.base_model, "forward", without)
    assert not packing.enable(model.network)
    assert model.network.config._attn_implementation == "sdpa"
