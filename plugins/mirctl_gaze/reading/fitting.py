"""The job: words and how they were read -> a generator of reading measures."""

from collections import Counter

import numpy as np
import torch

from mirctl import console, training
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.run import Result, Run
from mirctl_gaze.reading import data, evaluation, saving
from mirctl_gaze.reading.config import FitReadingConfig
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.evaluation import Metrics
from mirctl_gaze.reading.frequency import core
from mirctl_gaze.reading.saving import Stored
from mirctl_gaze.reading.training import ReadingTask


def run(config: FitReadingConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: gaze/fit-reading`."""
    with run.meter.phase("read data") as phase:
        train, valid = read(config)
        phase.items = train.words
    stored = Stored(
        measures=train.measures, language=config.data.language, model=config.model,
        vocabulary=_vocabulary(train, config.model.often),
    )  # fmt: skip
    torch.manual_seed(config.seed)
    model = stored.build()
    inputs = [model.network.input(text) for text in train.texts]
    model.network.standardise(inputs)
    model.scale(np.concatenate(train.values))
    model.to(run.device)
    count = sum(p.numel() for p in model.parameters())
    run.meter.record(trainable_parameters=count)
    console.say(f"{counted(train.words, 'word')} of {counted(len(train.texts), 'text')}; "
                f"{count:,} trainable parameters")  # fmt: skip
    task = ReadingTask(model, train, inputs, config.train.batch_size, config.seed, run.device)
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    model.eval()
    metrics: Metrics = {}
    if valid is None:
        console.say("quality is not measured: --valid names other words that were read")
    else:
        predicted = model.measure(valid.texts)
        metrics = evaluation.evaluate(predicted, valid, train, config.data.language)
    saving.save(config, run, stored, model, metrics, history, train)
    return Result(run.out, metrics=metrics, report=report(metrics, train.measures))


def check(config: FitReadingConfig) -> None:
    """Read the tables as a run would; raise what would stop it."""
    read(config)


def read(config: FitReadingConfig) -> tuple[Reading, Reading | None]:
    """Training and validation data, of the same measures."""
    train = data.read(config.data.train, config.data.measures)
    if config.data.valid is None:
        return train, None
    valid = data.read(config.data.valid, train.measures)
    seen = {text.text for text in train.texts}
    if common := sum(text.text in seen for text in valid.texts):
        told = f"{counted(common, 'text')} stand in the training data, too"
        if common == len(valid.texts):
            raise DataError(f"all {told}: nothing new to measure on", where=str(config.data.valid))
        console.warn(f"{config.data.valid}: {told}: errors come out too small")
    return train, valid


def _vocabulary(train: Reading, often: int) -> tuple[str, ...]:
    """The words that have an embedding, in an order that does not change."""
    counts = Counter(core(word).lower() for text in train.texts for word in text.words)
    return tuple(sorted(word for word, count in counts.items() if count >= often and word))


def report(metrics: Metrics, measures: tuple[str, ...]) -> str:
    """Errors by measure, and those of what needs no model."""
    if not metrics:
        return ""
    lines = []
    for name in measures:
        error, rho = metrics[f"mae.{name}"], metrics[f"rho.{name}"]["value"]
        lines.append([name, *_cells(error), "" if rho is None else f"{rho:.3f}"])
    names = {"mae": "mean", **{f"{other}/mae": other for other in evaluation.OTHERS}}
    lines += [[said, *_cells(metrics[key]), ""] for key, said in names.items()]
    return console.table(["measure", "mean absolute error", "95 %", "rank correlation"], lines)


def _cells(entry: dict[str, float | None]) -> list[str]:
    if entry["value"] is None:
        return ["", ""]
    return [f"{entry['value']:.3f}", f"{entry['low']:.3f} to {entry['high']:.3f}"]
