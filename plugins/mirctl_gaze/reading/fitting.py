"""The job: words and how they were read -> a generator of reading measures."""

from collections import Counter
from typing import Any

import numpy as np
import torch

from mirctl import console, training
from mirctl.console import counted
from mirctl.errors import DataError
from mirctl.run import Result, Run
from mirctl_gaze.reading import architectures, data, evaluation, frequency, saving
from mirctl_gaze.reading.base import Base
from mirctl_gaze.reading.config import FitReadingConfig, LexicalConfig
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.evaluation import Metrics
from mirctl_gaze.reading.frequency import core
from mirctl_gaze.reading.network import ReadingNetwork
from mirctl_gaze.reading.saving import Stored
from mirctl_gaze.reading.training import ReadingTask

TEXTS = 64
"""Texts that are read at a time."""


def run(config: FitReadingConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: gaze/fit-reading`."""
    with run.meter.phase("read data") as phase:
        train, valid = read(config)
        phase.items = train.words
    base = architectures.base_of(config.model)
    stored, model = _network(config, run, train, base)
    with run.meter.phase("read texts") as phase:
        inputs = _inputs(model, train)
        phase.items = train.words
    model.network.standardise(inputs)
    model.scale(np.concatenate(train.values))
    model.to(run.device)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    run.meter.record(trainable_parameters=count)
    console.say(f"{counted(train.words, 'word')} of {counted(len(train.texts), 'text')}; "
                f"{count:,} trainable parameters")  # fmt: skip
    task = ReadingTask(model, train, inputs, config.train, config.seed, run.device)
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    model.eval()
    metrics: Metrics = {}
    if valid is None:
        console.say("quality is not measured: --valid names other words that were read")
    else:
        predicted = model.measure(valid.texts)
        metrics = evaluation.evaluate(predicted, valid, train, config.data.language)
    saving.save(config, run, stored, model, base, metrics, history, train)
    return Result(run.out, metrics=metrics, report=report(metrics, train.measures))


def check(config: FitReadingConfig) -> None:
    """Read the tables as a run would, and look for the model; raise what would stop it."""
    read(config)
    architectures.check(config.model)


def _network(
    config: FitReadingConfig, run: Run, train: Reading, base: Base | None
) -> tuple[Stored, ReadingNetwork]:
    """A network that knows nothing yet, and what an artifact says of it."""
    weights = architectures.weights_of(config.model)
    if weights:
        run.note_input("model", weights)
    lexical = isinstance(config.model, LexicalConfig)
    stored = Stored(
        measures=train.measures, language=config.data.language, model=config.model,
        vocabulary=_vocabulary(train, config.model.often) if lexical else (),
        surprisal=weights if lexical else None,
        frequencies=frequency.version() if lexical else None,
    )  # fmt: skip
    torch.manual_seed(config.seed)
    model = stored.build(base)
    if surprisal := architectures.surprisal_of(config.model, run.device):
        model.network.surprisal = surprisal
    return stored, model


def _inputs(model: ReadingNetwork, train: Reading) -> list[Any]:
    """What the network reads of the texts; surprisal takes its time."""
    found: list[Any] = []
    with console.progress("reading the texts", len(train.texts), "texts") as advance:
        for start in range(0, len(train.texts), TEXTS):
            some = train.texts[start : start + TEXTS]
            found += model.network.inputs(some)
            advance(len(some))
    return found


def read(config: FitReadingConfig) -> tuple[Reading, Reading | None]:
    """Training and validation data, of the same measures; and there are word frequencies, which
    the network needs, or the formula that it is measured against."""
    if isinstance(config.model, LexicalConfig) or config.data.valid is not None:
        frequency.zipf(config.data.language)
    train = data.read(config.data.train, config.data.measures)
    for name, values in zip(train.measures, np.concatenate(train.values).T, strict=True):
        if np.isnan(values).all():
            told = f"no word has a {name}: name the measures to learn, as in --measures TRT,FFD"
            raise DataError(told, where=str(config.data.train))
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
