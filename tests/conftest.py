"""Fixtures that every test may use. No test needs the network."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# Tiny tensors gain nothing from threads, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["tiny_models"]
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Each test has a cache of its own and no network."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIRCTL_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture(autouse=True)
def same_seed(request):
    """Torch draws the same numbers in a test whatever ran before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def mirctl(capsys):
    """Run a command line in this process: mirctl("recipe", "list") -> code, out, err."""
    from mirctl import cli, console

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = cli.run_command([str(argument) for argument in arguments])
        console.configure(quiet=False)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def mirctl_process():
    """Run a command line in a process of its own."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mirctl", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)

    return run


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data; a test that wants it is marked `real`."""
    folder = Path(os.environ.get("MIRCTL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data here: set MIRCTL_DATA to its folder")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """`make test-real` does not let a test skip for want of data or weights."""
    report = yield
    wanted = os.environ.get("MIRCTL_REQUIRE_REAL") and item.get_closest_marker("real")
    if wanted and report.skipped:
        report.outcome, report.longrepr = "failed", str(report.longrepr)
    return report


@pytest.fixture
def no_privileges():
    """A file that nobody may read is one that root may not read either, on Linux."""
    if os.geteuid():
        yield
        return
    import ctypes

    libc = ctypes.CDLL(None)
    header, held = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, held)
    before = held[0]
    held[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    if libc.capset(header, held):
        pytest.skip("root reads everything here")
    yield
    held[0] = before
    libc.capset(header, held)
