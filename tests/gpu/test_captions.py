"""Captions on CUDA: those of the CPU."""

import os

import pytest
import torch

from adapt.captioning import models
from adapt.captioning.conftest import noise
from mirctl_adapt.captioning import captioner

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]


@pytest.mark.parametrize("save", [models.save_blip, models.save_git, models.save_llava])
def test_captions_are_those_of_the_cpu(save, tmp_path):
    settings = captioner.Settings(str(save(tmp_path)), max_tokens=8)
    source = captioner.choose(settings, torch.float32, films=False)
    pictures = [[noise(n)] for n in range(20)]
    here, there = (source.load(torch.device(d)).write(pictures) for d in ("cpu", DEVICE))
    assert there == here


def test_half_precision_runs(tmp_path):
    settings = captioner.Settings(str(models.save_blip(tmp_path)), max_tokens=8)
    source = captioner.choose(settings, torch.bfloat16, films=False)
    assert len(source.load(torch.device(DEVICE)).write([[noise(1)], [noise(2)]])) == 2
