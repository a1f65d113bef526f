"""Real shell pipelines: what tests of the commands of each plugin share."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Piped:
    """What a pipeline did: the exit code of each of its commands, and its two streams."""

    codes: list[int]
    out: str
    err: str


def pipe(line: str, folder: Path) -> Piped:
    """Run a bash pipeline in a folder; `mirctl` in it is this one."""
    paths = [os.environ.get("PYTHONPATH", ""), str(ROOT), str(ROOT / "plugins")]
    script = (
        f'mirctl() {{ "{sys.executable}" -m mirctl "$@"; }}\n'
        f'{line}\ncodes="${{PIPESTATUS[*]}}"\necho "$codes" > codes.txt\n'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    codes = (folder / "codes.txt").read_text().split()
    return Piped([int(code) for code in codes], done.stdout, done.stderr)
