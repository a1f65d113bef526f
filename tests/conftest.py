"""Fixtures that every test may use. No test needs the network."""

import os
import signal
import sys
from pathlib import Path

import pytest

# Tiny tensors gain nothing from threads, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["mirctl.testing"]  # whatever version is installed
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def own_cache(mirctl_cache):
    """Each test has a cache of its own and no network."""
    return mirctl_cache


@pytest.fixture(autouse=True)
def same_seed(request):
    """Torch draws the same numbers in a test whatever ran before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def bert(tiny_bert):
    return tiny_bert


@pytest.fixture(scope="session")
def llama(tiny_llama):
    return tiny_llama


@pytest.fixture(scope="session")
def vit(tiny_vit):
    return tiny_vit


@pytest.fixture
def words():
    """Writes the tokenizer of the tiny models into a folder."""
    from mirctl.testing.models import save_tokenizer

    return save_tokenizer


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
