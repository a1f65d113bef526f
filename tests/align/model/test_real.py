"""Invariance with weights that people use, on dialogues that people had."""

import pytest
import torch

from align.model.batches import INJECTIONS, K, stirred, together
from mirctl import hub
from mirctl.errors import MissingError
from mirctl_align import base, pairs
from mirctl_align.batch import Batch
from mirctl_align.config import GazeConfig, ModelConfig, PairsConfig, TextConfig
from mirctl_align.rendering import Template
from mirctl_align.tokens import Tokens

pytestmark = pytest.mark.real
HH = "preferences/hh-rlhf-harmless-base-test.jsonl.gz"


@pytest.mark.parametrize("inject", INJECTIONS)
def test_minilm_scores_dialogues_the_same_in_any_company(real_data, inject):
    try:
        hub.resolve("minilm")
    except MissingError as error:
        pytest.skip(f"the weights cannot be had: {error}")
    start, text = base.start("minilm"), TextConfig(template="dialogue", length=60)
    model = stirred(
        start.reward_model(ModelConfig(base="minilm"), GazeConfig(inject=inject), K), 0.02
    )
    template = Template.of(text, start.tokenizer)
    tokens = Tokens(start.tokenizer, start.model, template, text, model.limit)
    found = pairs.read(real_data / HH, PairsConfig()).pairs[:3]
    alone = [
        _row(one) for one in tokens([d for pair in found for d in (pair.chosen, pair.rejected)])
    ]
    with torch.no_grad():
        wanted = torch.cat([model(row) for row in alone])
        for side in ("right", "left"):
            torch.testing.assert_close(
                model(together(alone, side, 7)), wanted, atol=1e-5, rtol=1e-5
            )


def _row(encoded):
    """Its words have gaze, that is drawn."""
    ids = torch.from_numpy(encoded.ids)[None]
    seen = torch.zeros_like(ids, dtype=torch.bool)
    seen[0, encoded.alignment.token] = True
    return Batch(ids, torch.ones_like(seen), torch.rand(1, ids.shape[1], K) * 300, seen, seen)
