"""Reward models around tiny random networks."""

import pytest

from align.model.batches import K, stirred
from mirctl.testing import models
from mirctl_align import base
from mirctl_align.config import GazeConfig, ModelConfig
from mirctl_align.model import RewardModel


@pytest.fixture(scope="session")
def folders(tmp_path_factory, tiny_bert, tiny_llama):
    """Family -> the folder of its model."""
    gpt2 = models.save_gpt2(tmp_path_factory.mktemp("gpt2"))
    roberta = models.save_roberta(tmp_path_factory.mktemp("roberta"))
    return {"llama": tiny_llama, "bert": tiny_bert, "gpt2": gpt2, "roberta": roberta}


@pytest.fixture
def build(folders):
    """build(family, inject, method) -> a reward model in which gaze has an effect."""

    def built(family: str, inject: str = "none", method: str = "lora", **more) -> RewardModel:
        config = ModelConfig(base=str(folders[family]), method=method, rank=2, **more)
        model = base.start(config.base).reward_model(config, GazeConfig(inject=inject), K)
        return stirred(model)

    return built
