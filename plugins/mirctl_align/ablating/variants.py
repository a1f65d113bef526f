"""What an ablation compares: names -> changes to the recipe."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from mirctl.errors import UsageError, suggest
from mirctl.steps.variants import Variant
from mirctl_align.config import GazeConfig

INJECTIONS = get_args(GazeConfig.model_fields["inject"].annotation)
TEXT, SHUFFLED, AT = "none", "shuffled", "@"


@dataclass(frozen=True)
class Contestant:
    """One way to use gaze, or the text alone, in one model."""

    inject: str
    generator: str = ""
    model: str = ""
    """Empty: the recipe's."""
    shuffled: bool = False
    share: float = 1.0
    """Of the training prompts."""
    labels: tuple[str, str] = ("", "")
    """Short names of the generator and the model, where there are several."""

    @property
    def name(self) -> str:
        """As tables have it: add:formula, add:formula-shuffled, none@minilm, none/0.1."""
        generator, model = self.labels
        parts = [self.inject, f":{generator}" if generator and self.inject != TEXT else ""]
        parts += [f"-{SHUFFLED}" if self.shuffled else "", f"{AT}{model}" if model else ""]
        return "".join(parts) + (f"/{self.share:g}" if self.share < 1 else "")

    @property
    def step(self) -> str:
        """What a step can be called."""
        share = f"{self.share * 100:g}-percent" if self.share < 1 else ""
        told = (self.inject, self.labels[0], SHUFFLED * self.shuffled, self.labels[1], share)
        return "_".join(re.sub(r"[^A-Za-z0-9-]", "-", part) for part in told if part)

    @property
    def text_only(self) -> "Contestant":
        """What it is compared with."""
        return Contestant(TEXT, model=self.model, labels=("", self.labels[1]))

    @property
    def control(self) -> "Contestant":
        """The same with the gaze of other texts."""
        return replace(self, shuffled=True, share=1.0)

    def variants(self, folds: int) -> list[Variant]:
        """A step for each fold; without folds one."""
        told: dict[str, Any] = {"gaze.inject": self.inject}
        if self.inject != TEXT:
            told |= {"gaze.generator": self.generator, "gaze.shuffle": self.shuffled}
        if self.model:
            told["model.base"] = self.model
        if self.share < 1:
            told["data.of_train"] = self.share
        if not folds:
            return [Variant(self.step, told)]
        return [Variant(f"{self.step}-fold{n}", {**told, "data.fold": f"{n}/{folds}"})
                for n in range(1, folds + 1)]  # fmt: skip


def contestants(
    injections: Sequence[str], generators: Sequence[str], models: Sequence[str],
    shares: Sequence[float],
) -> list[Contestant]:  # fmt: skip
    """All of them in every model: the text alone, each injection of each generator, its control,
    and those that are no control with less to learn from."""
    for name in injections:
        if name not in INJECTIONS:
            hint = suggest(name, INJECTIONS, f"known: {', '.join(INJECTIONS)}")
            raise UsageError(f"--inject: no {name!r}{hint}")
    of_generators, of_models = short(generators), short(models)
    found = []
    for model in models or [""]:
        label = of_models.get(model, "") if len(models) > 1 else ""
        text = Contestant(TEXT, model=model, labels=("", label))
        with_gaze = [
            Contestant(inject, generator, model, labels=(of_generators[generator], label))
            for inject in injections if inject != TEXT for generator in generators
        ]  # fmt: skip
        whole = [text, *with_gaze]
        found += whole + [one.control for one in with_gaze]
        found += [replace(one, share=share) for share in shares if share < 1 for one in whole]
    return found


def short(names: Sequence[str]) -> dict[str, str]:
    """The end of each name, if no two have the same."""
    if twice := [name for n, name in enumerate(names) if name in names[:n]]:
        raise UsageError(f"{twice[0]!r} is named twice")
    ends = [os.path.basename(name.rstrip("/")).partition("@")[0] or name for name in names]
    alone = [end if ends.count(end) == 1 else name for end, name in zip(ends, names, strict=True)]
    return dict(zip(names, alone, strict=True))
