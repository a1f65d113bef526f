"""`mirctl --help` and `mirctl adapt --help` against bare typer apps of the same shape."""

import json
import sys
import tempfile
from pathlib import Path

from measure import Child, compare, fastest, goal, run_child

RUNS = 15
HEAVY = ("torch", "transformers", "pydantic", "numpy", "pyarrow", "pluggy", "yaml")
OURS = "import sys; from mirctl.cli import main; sys.argv = {arguments}; main()"
BARE = "import sys; from bare import app; sys.argv = {arguments}; app()"
PROBE = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write(json.dumps(sorted(set(sys.modules) & set({heavy})))))
"""
OPTIONS_OF_ADAPT = {"run": 12, "encode": 9, "evaluate": 6, "recommend": 10, "embed": 7}
HEAD = """
from typing import Annotated
import typer
app = typer.Typer(no_args_is_help=True)
"""


def bare_root() -> str:
    """Source of an app with two commands of one option each."""
    return HEAD + "".join(command("app", name, 1) for name in ("one", "two")) + "\n"


def bare_group() -> str:
    """Source of an app with one sub-group of five commands with as many options as adapt's."""
    commands = "".join(command("sub", name, n) for name, n in OPTIONS_OF_ADAPT.items())
    sub = "sub = typer.Typer(help='A group.', no_args_is_help=True)\napp.add_typer(sub, name='sub')"
    callback = "\n@app.callback()\ndef root() -> None: ...\n"
    return f"{HEAD}{callback}{sub}\n{commands}"


def command(app: str, name: str, options: int) -> str:
    """Source of one command with some string options."""
    parameters = ", ".join(
        f"o{n}: Annotated[str | None, typer.Option('--o{n}', help='Option {n}.')] = None"
        for n in range(options)
    )
    return f"\n@{app}.command()\ndef {name}({parameters}) -> None:\n    'Do it.'\n"


def ours(*arguments: str, probe: str = "") -> Child:
    """One help page of mirctl."""
    code = probe + OURS.format(arguments=["mirctl", *arguments, "--help"])
    return run_child([sys.executable, "-c", code])


def bare(folder: Path, *arguments: str, probe: str = "") -> Child:
    """One help page of the bare app in `folder`."""
    code = probe + BARE.format(arguments=["bare", *arguments, "--help"])
    return run_child([sys.executable, "-c", code], env={"PYTHONPATH": str(folder)})


def measure(
    source: str, limit: float, our_arguments: tuple[str, ...], bare_arguments: tuple
) -> None:
    """Compare one help page; both run once before, so that both find compiled modules."""
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as work:
        folder = Path(work)
        (folder / "bare.py").write_text(source)
        print(
            f"mirctl {' '.join((*our_arguments, '--help'))}: {RUNS} runs each, in turn, least CPU"
        )
        probe = PROBE.format(heavy=HEAVY)
        for name, child in (
            ("ours", ours(*our_arguments, probe=probe)),
            ("peer", bare(folder, *bare_arguments, probe=probe)),
        ):
            if child.code:
                sys.exit(f"{name} failed: {child.err}")
            loaded = json.loads(child.err.splitlines()[-1])
            print(f"  {name} loads of {', '.join(HEAVY)}: {', '.join(loaded) or 'none'}")
        mine, theirs = fastest(
            lambda: ours(*our_arguments).cpu, lambda: bare(folder, *bare_arguments).cpu, RUNS
        )
        compare(mine, theirs)
        goal("ratio", mine / theirs, "<=", limit, " x")


def main() -> None:
    measure(bare_root(), 1.35, (), ())
    measure(bare_group(), 1.15, ("adapt",), ("sub",))


if __name__ == "__main__":
    main()
