"""A plugin of quick jobs. Each run of one is a line of the file that TOY_LOG names."""

import os
import time
from pathlib import Path
from typing import Literal

from mirctl.hookspecs import Job, hookimpl
from mirctl.section import ArtifactName, InputPath, JobConfig, Section

mirctl_api = 1


class Said(Section):
    text: str = ""
    path: InputPath | None = None


class WriteConfig(JobConfig):
    """Joins tables and a text to a table."""

    uses: Literal["toy/write"]
    tables: tuple[InputPath, ...] = ()
    folder: InputPath | None = None
    said: Said = Said()
    fail: bool = False


class LearnConfig(JobConfig):
    """Makes an artifact whose score is weight + seed."""

    uses: Literal["toy/learn"]
    table: InputPath | None = None
    weight: float = 0.0
    fail: bool = False
    seconds: float = 0.0


class UseConfig(JobConfig):
    """Writes what an artifact scored."""

    uses: Literal["toy/use"]
    model: ArtifactName
    offset: float = 0.0


def note(config, run):
    with open(os.environ["TOY_LOG"], "a") as log:
        log.write(f"{Path(run.out).name}\n")
    if getattr(config, "fail", False):
        from mirctl.errors import DataError

        raise DataError("is no good", where=str(run.out))


def write(config, run):
    from mirctl.run import Result

    note(config, run)
    parts = [path.read_text() for path in config.tables]
    run.out.write_text("".join([*parts, f"{config.said.text}\n"]))
    return Result(table=run.out)


def learn(config, run):
    from mirctl import artifact
    from mirctl.errors import Interrupted
    from mirctl.run import Result

    note(config, run)
    before = run.load_checkpoint() or {"parts": 0}
    run.save_checkpoint({"parts": before["parts"] + 1})
    try:
        time.sleep(0 if before["parts"] else config.seconds)
    except KeyboardInterrupt as error:
        raise Interrupted("stopped: --resume goes on") from error
    score = config.weight + config.seed
    metrics = {"score": {"value": score, "low": score - 1, "high": score + 1, "n": 9, "unit": "x"}}
    with artifact.create(run.out, kind="toy/model", schema=1, force=run.force) as draft:
        draft.json("metrics.json", metrics)
        draft.json("extra/parts.json", before["parts"] + 1)
        draft.describe(seed=config.seed, device="cpu", plugin={"name": "toy", "version": "1"})
    return Result(run.out, metrics=metrics)


def use(config, run):
    import json

    from mirctl.run import Result

    note(config, run)
    score = json.loads((Path(config.model) / "metrics.json").read_text())["score"]["value"]
    run.out.write_text(f"score\n{score + config.offset}\n")
    return Result(table=run.out, metrics={"used": {"value": score + config.offset, "n": 1}})


def names():
    return ["score"]


@hookimpl
def mirctl_jobs():
    return [
        Job("toy/write", "toy_jobs:WriteConfig", "toy_jobs:write", makes="table"),
        Job("toy/learn", "toy_jobs:LearnConfig", "toy_jobs:learn", metrics="toy_jobs:names"),
        Job("toy/use", "toy_jobs:UseConfig", "toy_jobs:use", makes="table"),
    ]
