"""A writer that is killed leaves the old artifact or the new one, and never a mix of them."""

import json
import subprocess
import sys

import pytest

WRITER = """
import json, os, random, signal, sys, time
from pathlib import Path

import torch

from mirctl import artifact

out, kills, force = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "force"
rng = random.Random(sys.argv[3])


def write(path, value):
    with artifact.create(path, kind="test/model", force=force) as draft:
        draft.json("metrics.json", {"value": value})
        draft.tensors("model", {str(n): torch.full((50_000,), value) for n in range(8)})
        draft.tensors("parts", {str(n): torch.full((9_999,), value) for n in range(4)},
                      shard_bytes=40_000)
        draft.text("extra/deep/note.txt", str(value))
        draft.describe(value=value)


def found(path):
    '''What a folder holds: one value in every place, or the folder is not there.'''
    if not path.exists():
        return None
    assert artifact.verify(path) == [], artifact.verify(path)
    art = artifact.open_artifact(path)
    values = {art.metrics()["value"], art.manifest.facts["value"]}
    values.add(float(art.text("extra/deep/note.txt")))
    for group in art.groups():
        values |= {v for tensor in art.tensors(group).values() for v in tensor.unique().tolist()}
    (value,) = values
    return value


begin = time.monotonic()
write(out, 0.0)
taken, old, seen = time.monotonic() - begin, 0.0, {"old": 0, "new": 0, "killed": 0}
for number in range(1, kills + 1):
    place = out if force else out.with_name(f"new{number}")
    child = os.fork()
    if not child:
        write(place, float(number))
        os._exit(0)
    time.sleep(rng.uniform(0, 1.1 * taken))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    value = found(place)
    before = old if force else None
    assert value in (before, float(number)), (value, before, number)
    seen["old" if value == before else "new"] += 1
    seen["killed"] += os.WIFSIGNALED(status)
    old = value
print(json.dumps(seen))
"""


def kill(out, times: int, mode: str) -> dict[str, int]:
    command = [sys.executable, "-c", WRITER, str(out), str(times), mode]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("mode", ["force", "fresh"])
def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path, mode):
    seen = kill(tmp_path / "art", 5, mode)
    assert seen["old"] + seen["new"] == 5


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["force", "fresh"])
def test_a_writer_killed_at_a_hundred_moments_leaves_the_old_or_the_new(tmp_path, mode):
    seen = kill(tmp_path / "art", 100, mode)
    assert seen["killed"] >= 20
    assert seen["old"]
    names = {path.name for path in tmp_path.iterdir()}
    assert all(name.startswith((".", "art", "new")) for name in names)
