"""`fuse serve` as a process."""

import contextlib
import os
import re
import signal
import subprocess
import sys

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@contextlib.contextmanager
def started(index, *options):
    """The command as a process of its own: (process, address); it is stopped if it still runs."""
    line = [sys.executable, "-m", "mirctl", "fuse", "serve", str(index), "--port", "0", *options]
    told = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=told)  # fmt: skip
    try:
        found = None
        while found is None and (said := process.stderr.readline()):
            found = ADDRESS.search(said)
        assert found is not None, process.stderr.read()
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
