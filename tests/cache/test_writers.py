"""Eight processes write into one cache at once, and nothing of any of them is lost."""

import json
from pathlib import Path

import pytest

from cache.helpers import finish, python
from mirctl import cache

TESTS = Path(__file__).parent.parent
CODE = """
import random, sys
from mirctl import cache, files
me = int(sys.argv[1])
rng = random.Random(me)
for n in range(25):
    entry = cache.entry("states", f"k{rng.randrange(3)}")
    name = f"{me}-{n}"
    with entry.lock():
        files.write_text(entry.folder / name, f"{name} " * 50)
        entry.commit(add=[name], meta={"n": entry.read().meta.get("n", 0) + 1})
    record = entry.read()
    assert name in record.files
    assert (entry.folder / name).read_text().startswith(name + " ")
"""


def test_eight_writers_lose_nothing(mirctl):
    workers = [python(CODE, n) for n in range(8)]
    assert [finish(worker) for worker in workers] == [(0, "", "")] * 8
    entries = list(cache.entries())
    assert sum(entry.read().meta["n"] for entry in entries) == 8 * 25
    names = {name for entry in entries for name in entry.read().files}
    assert names == {f"{me}-{n}" for me in range(8) for n in range(25)}
    assert mirctl("cache", "verify").code == 0
    assert json.loads(mirctl("cache", "prune", "--json").out)["removed"] == []


@pytest.mark.slow
def test_eight_processes_encode_one_catalogue():
    code = """
import sys
import numpy as np, torch
from encode.test_states import TITLES, encode, expected
start = int(sys.argv[1]) * 10
order = TITLES[start:] + TITLES[:start]
got = encode(order)
assert torch.equal(got.gather(np.arange(100)), expected(order))
"""
    path = f"import sys; sys.path.insert(0, {str(TESTS)!r})"
    workers = [python(f"{path}\n{code}", n) for n in range(8)]
    assert [finish(worker)[0] for worker in workers] == [0] * 8
    (entry,) = [entry for entry in cache.entries() if entry.section == "states"]
    assert entry.damaged() == []
