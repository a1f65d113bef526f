"""Real text weights that install from the package index, where they can be fetched."""

import numpy as np
import pytest
import torch

from mirctl import hub
from mirctl.encode import EncoderSettings, encode_items
from mirctl.errors import MissingError

pytestmark = [pytest.mark.slow, pytest.mark.real]
CPU, FP32 = torch.device("cpu"), torch.float32
TITLES = ["Star Wars (1977)", "The Empire Strikes Back (1980)", "Emma (1996)", "Persuasion (1995)"]


def states(name):
    try:
        hub.resolve(name)
    except MissingError as error:
        pytest.skip(f"the weights cannot be had: {error}")
    return encode_items(EncoderSettings(model=name), TITLES, device=CPU, dtype=FP32)


def test_minilm_knows_which_films_are_alike():
    got = states("minilm")
    assert got.widths == (384,) * 7
    assert got.parameters == 22_713_216  # as its authors count
    last = torch.nn.functional.normalize(got.gather(np.arange(4)).float()[:, -384:], dim=1)
    alike = last @ last.T
    assert alike[0, 1] > alike[0, 2]
    assert alike[2, 3] > alike[1, 2]


def test_minilm_equals_its_model_run_by_hand():
    from transformers import AutoModel, AutoTokenizer

    got = states("minilm").gather(np.arange(4)).float()
    folder = hub.resolve("minilm").folder
    inputs = AutoTokenizer.from_pretrained(folder)(TITLES, return_tensors="pt", padding=True)
    with torch.no_grad():
        layers = AutoModel.from_pretrained(folder)(
            **inputs, output_hidden_states=True
        ).hidden_states
    mask = inputs["attention_mask"][..., None]
    means = torch.cat([(layer * mask).sum(1) / mask.sum(1) for layer in layers], 1)
    torch.testing.assert_close(got, means, atol=4e-3, rtol=2e-3)


def test_a_language_model_in_four_part_wheels_is_converted_and_still_knows_english():
    got = states("gemma3-270m")
    assert got.widths == (640,) * 19
    assert got.parameters == 268_098_176
    assert got.gather(np.arange(4)).isfinite().all()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = hub.resolve("gemma3-270m").folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=FP32)

    def loss(text):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            return network(ids, labels=ids).loss.item()

    assert loss("The king lived in a castle on the hill.") < 4
    assert loss("Castle the on a king the hill lived in.") > 5
