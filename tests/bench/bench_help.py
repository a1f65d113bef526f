"""Help and completion against bare typer apps of the same shape, and with 100 more plugins."""

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


def completing(program: str, words: str) -> dict[str, str]:
    """The environment in which bash asks a program for the last of some words."""
    place = str(len(words.split(" ")) - 1)
    asked = {"COMP_WORDS": words, "COMP_CWORD": place}
    return {f"_{program.upper()}_COMPLETE": "complete_bash", **asked}


def complete(program: str, words: str, folder: Path) -> Child:
    """What a shell runs at each TAB; `folder` is on the path."""
    code = {"mirctl": OURS, "bare": BARE}[program].format(arguments=[program])
    env = {**completing(program, words), "PYTHONPATH": str(folder)}
    child = run_child([sys.executable, "-c", code], env=env)
    if not child.out.strip():
        sys.exit(f"{program} completes {words!r} to nothing: {child.err}")
    return child


def measure_completion(source: str, limit: float, our_words: str, bare_words: str) -> None:
    """Compare one press of TAB."""
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as work:
        folder = Path(work)
        (folder / "bare.py").write_text(source)
        print(f"{our_words}<TAB>: {RUNS} runs each, in turn, least CPU")
        mine, theirs = fastest(
            lambda: complete("mirctl", our_words, folder).cpu,
            lambda: complete("bare", bare_words, folder).cpu,
            RUNS,
        )
        compare(mine, theirs)
        goal("ratio", mine / theirs, "<=", limit, " x")


def write_plugins(folder: Path, count: int) -> None:
    """Distributions as pip leaves them, each with a command of two options and a hook module."""
    for n in range(count):
        package, info = folder / f"mirctl_made{n}", folder / f"mirctl_made{n}-1.0.dist-info"
        package.mkdir()
        info.mkdir()
        head = f'"""Do the work number {n} of many."""\n{HEAD}'
        (package / "__init__.py").write_text("")
        (package / "commands.py").write_text(head + command("app", "work", 2))
        (package / "plugin.py").write_text("mirctl_api = 1\n")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: mirctl-made{n}\nVersion: 1.0\n"
        )
        points = f"[mirctl.commands]\nmade{n} = mirctl_made{n}.commands:app\n"
        points += f"[mirctl.plugins]\nmade{n} = mirctl_made{n}.plugin\n"
        (info / "entry_points.txt").write_text(points)


def measure_more(count: int, limit: float) -> None:
    """What further plugins add to a help page and to a press of TAB."""
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as work:
        many, none = Path(work) / "many", Path(work) / "none"
        many.mkdir()
        none.mkdir()
        write_plugins(many, count)
        code = OURS.format(arguments=["mirctl", "--help"])

        def help_page(folder: Path) -> float:
            env = {"PYTHONPATH": str(folder)}
            child = run_child([sys.executable, "-c", code], env=env)
            if (f"made{count - 1}" in child.out) is (folder is none):
                sys.exit(f"the help page lists other plugins: {child.err}")
            return child.cpu

        print(f"{count} further plugins: {RUNS} runs each, in turn, least CPU")
        for what, cost in (
            ("mirctl --help", help_page),
            ("mirctl a<TAB>", lambda folder: complete("mirctl", "mirctl a", folder).cpu),
        ):
            with_them, without = fastest(lambda c=cost: c(many), lambda c=cost: c(none), RUNS)
            print(f"  {what}: {with_them:.4g} s CPU with them, {without:.4g} without")
            goal(f"{what}, added", (with_them - without) * 1000, "<=", limit, " ms")


def main() -> None:
    measure(bare_root(), 1.35, (), ())
    measure(bare_group(), 1.15, ("adapt",), ("sub",))
    measure_completion(bare_root(), 1.35, "mirctl a", "bare o")
    measure_completion(bare_group(), 1.35, "mirctl adapt r", "bare sub r")
    measure_more(100, 50)


if __name__ == "__main__":
    main()
