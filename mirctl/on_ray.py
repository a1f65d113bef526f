"""`mirctl run --on ray`: the shards of a job on a Ray cluster that is there, then joined.

Each shard is a `mirctl run --shard i/n` on one of the cluster's machines, which see the same files
and have the same environment. What is done stays until all is: --resume does what is left.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mirctl import console, files, recipe
from mirctl.console import counted
from mirctl.errors import Interrupted, MissingError, RunError, UsageError
from mirctl.run import Result, Run
from mirctl.section import JobConfig
from mirctl.tables import join

CARRIED = ("PYTHONPATH", "MIRCTL_CACHE", "MIRCTL_PLUGINS", "HF_HOME", "HF_HUB_OFFLINE", "PATH")
"""Variables that a shard has from whoever started the run."""


def run(config: JobConfig, run: Run, shards: int | None) -> Result:
    """Do a job in so many shards, or in one for each CPU of the cluster."""
    ray = _cluster()
    try:
        count = shards or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = join(_parts(ray, run, count), run.out)
        console.say(f"{counted(rows, 'row')} -> {run.out}")
        return Result(table=run.out)
    finally:
        ray.shutdown()


def _cluster() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingError("--on ray needs Ray: pip install 'mirctl[ray]'") from error
    quiet = {"configure_logging": False, "log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError as error:
        told = "no Ray cluster is here: start one (`ray start --head`), or say RAY_ADDRESS"
        raise MissingError(told) from error
    return ray


def _parts(ray: Any, started: Run, count: int) -> list[Path]:
    """The tables that the shards make, in order."""
    state = started.load_checkpoint() or {"of": count, "done": []}
    if state["of"] != count:
        told = f"was begun with --shards {state['of']}: --shards {state['of']} --resume goes on"
        raise UsageError(told, where=str(started.work))
    paths = [started.work / f"{i}-of-{count}-{started.out.name}" for i in range(1, count + 1)]
    started.save_checkpoint(state)  # so that the folder stays, whatever happens
    lacking = [i for i in range(count) if i + 1 not in state["done"]]
    with console.progress("shards", len(lacking), "shards") as advance:
        for index in _done(ray, started, paths, lacking):
            state["done"].append(index + 1)
            started.save_checkpoint(state)
            advance(1)
    return paths


def _done(ray: Any, started: Run, paths: list[Path], lacking: list[int]) -> Iterator[int]:
    """Each shard as it is done; a RunError for one that failed."""
    file = started.work / "recipe.yaml"
    files.write_text(file, recipe.dump(started.config))
    gpus = 1 if started.device.type == "cuda" else 0
    told = {key: os.environ[key] for key in CARRIED if key in os.environ}

    @ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)
    def shard(line: list[str], folder: str, told: dict[str, str]) -> tuple[int, str]:
        import os
        import subprocess
        import sys

        ran = subprocess.run(
            [sys.executable, "-P", "-m", "mirctl", *line],
            cwd=folder, env={**os.environ, **told}, capture_output=True, text=True,
        )  # fmt: skip
        return ran.returncode, ran.stderr

    waiting = {}
    for index in lacking:
        line = ["run", str(file), "--shard", f"{index + 1}/{len(paths)}"]
        line += ["--out", str(paths[index]), "--force", "--quiet"]
        waiting[shard.remote(line, os.getcwd(), told)] = index
    try:
        while waiting:
            (first, *_), _ = ray.wait([*waiting])
            code, said = ray.get(first)
            index = waiting.pop(first)
            if code:
                last = (said.strip().splitlines() or ["it said nothing"])[-1]
                raise RunError(f"shard {index + 1}/{len(paths)} ended with exit {code}: {last}")
            yield index
    except KeyboardInterrupt as error:
        left = counted(len(waiting), "shard")
        told = f"stopped with {left} to do: go on with the same command and --resume"
        raise Interrupted(told, where=str(started.work)) from error
    except ray.exceptions.RayError as error:
        raise RunError(f"Ray: {str(error).strip().splitlines()[-1]}") from error
    finally:
        for each in waiting:
            ray.cancel(each, force=True)
