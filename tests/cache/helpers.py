"""An entry with content, and work in other processes."""

import os
import subprocess
import sys
import time

from mirctl import cache, files


class User:
    """Somebody who reads an entry as long as it lives."""


def fill(key: str, *, what: str = "", age: float = 0.0, **content: str) -> cache.Entry:
    """An entry with one file a keyword, last used `age` seconds ago."""
    entry = cache.entry("states", key, what=what)
    with entry.lock():
        for name, text in content.items():
            files.write_text(entry.folder / name, text)
        entry.commit(add=tuple(content), meta={"rows": len(content)})
    used = time.time() - age
    os.utime(entry.folder / "entry.json", (used, used))
    return entry


def python(code: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(worker: subprocess.Popen) -> tuple[int, str, str]:
    """Its exit code, stdout and stderr."""
    out, err = worker.communicate(timeout=60)
    return worker.returncode, out, err
