"""What the two benchmarks of scanpaths share: real and drawn paths, and the peer's environment."""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import real_data, run_child

SCREEN = (1280.0, 720.0)
PEERS = {"multimatch": ["multimatch-gaze==0.1.3", "numpy==2.4.6"], "fastdtw": ["fastdtw", "numpy"]}
SCRIPT = Path(__file__).with_name("scanpath_peers.py")
VENVS = Path(tempfile.gettempdir()) / "mirctl-peers"

Paths = list[np.ndarray]
"""Each (n, 3): x, y, seconds."""


@dataclass(frozen=True)
class Theirs:
    """Numbers of each pair, None where the peer raised, and CPU seconds of all pairs."""

    numbers: list[list[float] | None]
    seconds: float


def real_paths() -> Paths:
    """The 110 scanpaths of two viewers of a film."""
    files = sorted(real_data("scanpaths").glob("*.tsv"))
    return [np.loadtxt(file, skiprows=1) for file in files]


def drawn_paths(count: int, fixations: int) -> Paths:
    """Fixations anywhere on the screen."""
    rng = np.random.default_rng(fixations)
    size = count, fixations, 3
    return list(rng.random(size) * [*SCREEN, 0.5] + [0, 0, 0.05])


def peer(name: str, paths: Paths, pairs: list[tuple[int, int]], limits=None) -> Theirs:
    """Have the peer measure the pairs, in an environment with nothing but it."""
    python = VENVS / name / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "venv", VENVS / name],
            [python, "-m", "pip", "install", "-q", *PEERS[name]],
        ):
            child = run_child(command)
            if child.code:
                sys.exit(f"{name} cannot be installed: {child.err[-500:]}")
    with tempfile.TemporaryDirectory() as folder:
        task, result = Path(folder, "task.json"), Path(folder, "result.json")
        told = {"paths": [p.tolist() for p in paths], "pairs": pairs, "screen": SCREEN}
        task.write_text(json.dumps({**told, "limits": limits}))
        child = run_child([python, SCRIPT, name, task, result])
        if child.code:
            sys.exit(f"{name} failed:\n{child.err}")
        found = json.loads(result.read_text())
    return Theirs(found["numbers"], found["seconds"])


def ours(measure, paths: Paths, pairs: list[tuple[int, int]], *, seconds: float = 0.5):
    """Our numbers of each pair, and the least CPU seconds of one pass over all pairs."""
    numbers = [measure(paths[i], paths[j]) for i, j in pairs]
    least, end = np.inf, time.process_time() + seconds
    while time.process_time() < end:
        begin = time.process_time()
        for i, j in pairs:
            measure(paths[i], paths[j])
        least = min(least, time.process_time() - begin)
    return numbers, least
