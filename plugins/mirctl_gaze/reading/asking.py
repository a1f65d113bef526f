"""What the command lines about predicted reading ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mirctl import tables
from mirctl.errors import DataError, UsageError
from mirctl_gaze import output
from mirctl_gaze.asking import Wanted, names
from mirctl_gaze.reading.augmenting import Wish

RECIPE = "gaze/reading"


def job(
    train: str, settings: Sequence[str], valid: str | None, measures: str | None,
    arch: str | None,
) -> tuple[str, list[str]]:  # fmt: skip
    """The recipe and its changes that `fit-reading` means; options beat settings."""
    for given in filter(None, (train, valid)):
        if given == "-":
            raise UsageError("fit-reading reads no stdin: write it to a file first")
        if not Path(given).exists():  # the recipe's own complaint would name a key nobody wrote
            raise DataError("no such file", where=given)
    first = settings[0] if settings else ""
    named = bool(first) and "=" not in first
    said = {"train": train, "valid": valid, "measures": names(measures)}
    told = [f"data.{key}={json.dumps(value)}" for key, value in said.items() if value is not None]
    told += [f"model.arch={arch}"] if arch else []
    return first if named else RECIPE, [*settings[named:], *told]


def augment(
    texts: str, generator: str, wanted: Wanted, device: str | None, wish: Wish, seed: int,
    task: str | None,
) -> None:  # fmt: skip
    """Add columns; or, with a `task`, tell what they are good for."""
    from mirctl import device as devices
    from mirctl import jobs
    from mirctl.words import Predictor
    from mirctl_gaze.reading import augmenting, benefit, trying

    if task is not None and wish.mean:
        raise UsageError("--mean is about new columns, and --task writes none")
    gate = jobs.requirements(wanted.require)
    if task is None:
        gate = wanted.start(texts)
        on = devices.choose(device or "auto")
        wanted.end(augmenting.augment(texts, Predictor(generator, on), wanted.out, wish), gate)
        return
    jobs.refuse_unknown(gate, benefit.measured())
    benefit.require()
    output.refuse_to_overwrite(wanted.out, force=wanted.force)
    on = devices.choose(device or "auto")
    metrics = trying.run(texts, Predictor(generator, on), wish, task, seed)
    if wanted.out != "-":
        tables.write_rows(Path(wanted.out), benefit.table(metrics))
    jobs.show(metrics, benefit.report(metrics), require=gate, json=wanted.json)


def predict(
    generator: str, texts: str, wanted: Wanted, device: str | None, *, measures: str | None,
    column: str, prefix: str,
) -> None:  # fmt: skip
    """Predict, and tell what came out."""
    from mirctl import device as devices
    from mirctl.words import Predictor
    from mirctl_gaze.reading import predicting

    gate = wanted.start(texts)
    found = predicting.predict(
        texts, Predictor(generator, devices.choose(device or "auto")), wanted.out,
        measures=names(measures), column=column, prefix=prefix,
    )  # fmt: skip
    wanted.end(found, gate)
