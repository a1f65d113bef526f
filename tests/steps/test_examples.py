"""docs/examples, run as a shell runs them; and what is shown in docs/pipelines.md."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def place(tmp_path):
    """A copy of the examples, with `mirctl` on the PATH."""
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, start in (("mirctl", f'"{sys.executable}" -m mirctl'), ("python", sys.executable)):
        (programs / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (programs / name).chmod(0o755)
    paths = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([*paths, str(ROOT), str(ROOT / "plugins")]),
    }

    def run(command):
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )

    run.folder = folder
    return run


def lines_to_run():
    """The `run:` lines of the workflow but the installing one, in order."""
    workflow = yaml.safe_load((EXAMPLES / "ci.yml").read_text())
    assert workflow["defaults"]["run"]["shell"] == "bash"
    (job,) = workflow["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert scripts[0] == "pip install mirctl"
    return scripts[1:]


@pytest.mark.slow
def test_the_workflow_runs_as_a_shell_script(place):
    for script in lines_to_run():
        done = place(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        assert done.returncode == 0, done.stderr
    assert (place.folder / "work/made.csv.gz").stat().st_size > 500
    gate = lines_to_run()[1].replace("nrmse<=0.6", "nrmse<=0.01")
    done = place(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", gate])
    assert done.returncode == 1
    assert "0 of 4 steps to run" in done.stderr
    assert "error: --require judged.nrmse<=0.01" in done.stderr


def test_the_recipes_of_the_page_are_whole(mirctl, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/pipelines.md").read_text(), re.DOTALL)
    assert blocks[0] == (EXAMPLES / "pipeline.yaml").read_text()
    shutil.copy(EXAMPLES / "parcels.csv", tmp_path)
    (tmp_path / "sweep.yaml").write_text(blocks[1])
    checked = mirctl("recipe", "check", tmp_path / "sweep.yaml")
    assert (checked.code, "a whole sweep of 6 steps" in checked.err) == (0, True)


@pytest.mark.slow
def test_the_makefile_makes_what_is_missing_and_gates(place):
    done = place(["make", "check"])
    assert done.returncode == 0, done.stderr
    assert "nrmse" in done.stdout
    again = place(["make", "filled.csv"])
    assert "up to date" in again.stdout
    (place.folder / "filled.csv").write_text((place.folder / "parcels.csv").read_text())
    (place.folder / "Makefile").write_text(
        (place.folder / "Makefile").read_text().replace("nrmse<=0.6", "nrmse<=-1")
    )
    assert place(["make", "check"]).returncode != 0
    assert place(["make", "clean"]).returncode == 0
    assert not (place.folder / "model").exists()
