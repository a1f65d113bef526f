"""Reward models around tiny random networks."""

import numpy as np
import pytest

from align.model.batches import K, stirred
from mirctl import run
from mirctl.testing import models
from mirctl_align import base, saving
from mirctl_align.config import GazeConfig, ModelConfig, RewardConfig
from mirctl_align.evaluation import Scored
from mirctl_align.model import RewardModel

MEASURES = ("FFD", "GPT", "TRT")
NOTHING = Scored.of(np.zeros(0), np.zeros(0), [])


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


@pytest.fixture
def saved(folders, tmp_path):
    """saved(family, inject, method) -> the model, and the folder of its artifact."""
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"chosen": "one", "rejected": "two"}\n')

    def made(
        family: str, inject: str = "none", method: str = "lora", *, name: str = "reward",
        text: str = "dialogue", length: int = 512, too_long: str = "left", **model,
    ):  # fmt: skip
        given = {"base": str(folders.get(family, family)), "method": method, "rank": 2, **model}
        config = RewardConfig(
            uses="align/train", data={"train": pairs}, model=given,
            text={"template": text, "length": length, "too_long": too_long},
            gaze={"inject": inject, "generator": "data"},
        )  # fmt: skip
        out = tmp_path / name
        with run.start(config, out, resume=False, force=False) as ran:
            start = base.start(config.model.base)
            new = stirred(start.reward_model(config.model, config.gaze, K))
            metrics = {"accuracy": {"value": 0.75, "n": 4}}
            saving.save(config, ran, new, start, metrics, [], NOTHING, measures=MEASURES)
        return new, out

    return made
