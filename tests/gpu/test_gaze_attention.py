"""Attention of words on CUDA: that of the CPU."""

import os

import numpy as np
import pytest
import torch

from gaze.attention import networks
from mirctl.words.text import Text
from mirctl_gaze.attention.models import AttentionModel

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]
TEXT = Text.of("The cat, née 猫, saw 🐈 twice")


def read(kind, device, dtype=torch.float32):
    network = networks.network(kind).to(device, dtype)
    return AttentionModel(network, networks.tokenizer(), kind, heads=True).read(TEXT)


@pytest.mark.parametrize("kind", ["bert", "roberta", "t5", "gpt2", "llama", "gemma"])
def test_attention_is_that_of_the_cpu(kind):
    np.testing.assert_allclose(read(kind, DEVICE), read(kind, "cpu"), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_half_precision_is_near_it(kind):
    half, full = read(kind, DEVICE, torch.bfloat16), read(kind, "cpu")
    assert np.corrcoef(half.ravel(), full.ravel())[0, 1] > 0.95
