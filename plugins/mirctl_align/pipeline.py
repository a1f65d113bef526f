"""The job: pairs -> tokens and gaze -> training -> accuracy on other pairs -> artifact."""

from dataclasses import replace

import numpy as np
import torch

from mirctl import console, device, hub, training
from mirctl.console import counted
from mirctl.run import Result, Run
from mirctl_align import base, evaluation, saving, split
from mirctl_align.config import RewardConfig
from mirctl_align.evaluation import Scored
from mirctl_align.gaze import Measures
from mirctl_align.model import RewardModel
from mirctl_align.reader import Reader
from mirctl_align.rows import rewards
from mirctl_align.tokens import Tokens
from mirctl_align.training import Preferences, PreferenceTask


def run(config: RewardConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: align/train`."""
    with run.meter.phase("read data") as phase:
        parts = split.read(config)
        phase.items = len(parts.train.pairs)
    torch.manual_seed(config.seed)  # of the head, and of all that is new
    start = base.start(config.model.base)
    run.note_input("model", start.model.sha256)
    measures = None
    if config.gaze.inject != "none":
        measures = Measures(config.gaze, run.device, parts.train.measures)
    model = start.reward_model(config.model, config.gaze, len(measures.names) if measures else 0)
    reader = Reader(
        Tokens.of(config.text, start, model), measures, config.gaze.shuffle, config.seed
    )
    with run.meter.phase("read texts") as phase:
        train = reader.pairs(parts.train.pairs, parts.train.name)
        # As align eval reads them: without gaze that is not needed, and whatever the seed.
        later = replace(reader, measures=measures if model.needs_gaze else None, seed=0)
        valid, test = (some and later.pairs(some.pairs, some.name) for some in parts[1:])
        phase.items = 2 * len(parts.train.pairs)
    if measures:
        measures.tell()
        model.standardise(*statistics(train))
    model.to(run.device)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    run.meter.record(trainable_parameters=count)
    console.say(f"{counted(len(train), 'pair')} to learn from; {count:,} trainable parameters")
    task = PreferenceTask(model, train, valid, config, run.device)
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    measured = test or valid
    if test is None:
        console.say(
            "measured on the pairs that chose the epoch: data.test or data.fold name others"
        )
    with run.meter.phase("measure"), device.mixed(run.device, run.dtype):
        scored = score_pairs(model, measured, run.device)
    metrics = evaluation.evaluate(scored, (), config.seed)
    saving.save(
        config, run, model, start, metrics, history, scored,
        measures=measures.names if measures else (),
        generator=measures.generator.chosen if measures and measures.generator else None,
        about=about(parts), pairs=len(train),
    )  # fmt: skip
    return Result(run.out, metrics=metrics, report=evaluation.report(metrics, scored))


def about(parts: split.Parts) -> str:
    """What an artifact's page says of the data."""
    told = [f"- {some.name}: {counted(len(some.pairs), 'pair')}" for some in parts if some]
    return "\n".join(["Data:", "", *told])


def check(config: RewardConfig) -> None:
    """Read the pairs as a run would, and look for the model; raise what would stop it."""
    parts = split.read(config)
    if config.gaze.inject != "none":
        Measures(config.gaze, torch.device("cpu"), parts.train.measures)
    hub.look_for(config.model.base)


def statistics(learned: Preferences) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread (measures,) of the gaze of all words to learn from."""
    values = np.concatenate([
        own.values[own.first] for rows in (learned.chosen, learned.rejected) for own in rows.gaze
    ])  # fmt: skip
    known = ~np.isnan(values)
    counts = known.sum(0)
    mean = np.where(known, values, 0).sum(0, dtype=float) / np.maximum(counts, 1)
    square = np.where(known, (values - mean) ** 2, 0).sum(0, dtype=float)
    spread = np.sqrt(square / np.maximum(counts, 1))
    scale = np.where(spread > 0, spread, 1.0)
    return torch.from_numpy(mean).float(), torch.from_numpy(scale).float()


def score_pairs(model: RewardModel, seen: Preferences, device: torch.device) -> Scored:
    """Rewards of all pairs."""
    sides = [rewards(model, rows, device) for rows in (seen.chosen, seen.rejected)]
    return Scored.of(*sides, seen.pairs)
