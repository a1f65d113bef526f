"""What every plugin must hold to, as a list of small checks: `mirctl plugins check NAME`.

A check is a function `(Plugin) -> problems`; its name and its docstring's first line tell people
what it looks at. Each problem is one sentence that says what is wrong and what to do.
"""

from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import typer

from mirctl import console
from mirctl.conformance import calling, isolation, loading, recipes
from mirctl.conformance.plugin import WORK, Plugin, find

Check = Callable[[Plugin], Iterator[str]]

CHECKS: dict[str, Check] = {
    "loads": loading.loads,
    "imports": loading.imports,
    "hooks": loading.hooks,
    "help": calling.help_texts,
    "usage": calling.usage,
    "files": calling.missing_files,
    "json": calling.json_documents,
    "dry-run": calling.dry_run,
    "terminal": calling.no_terminal,
    "recipes": recipes.resolve,
    "artifact": recipes.round_trip,
}


@dataclass(frozen=True)
class Checked:
    """What one check found."""

    check: str
    about: str
    problems: list[str]


def examine(name: str, recipe: str | None = None, timeout: float = 60) -> list[Checked]:
    """Every check of one plugin; `recipe` is one that can really run: dry, then twice.

    The checks call the plugin's commands with files that do not exist, in an empty folder and in
    a process of their own; `timeout`: seconds that each such call may take.
    """
    plugin = find(name, recipe)
    if recipe is None:
        console.say("no job is run, and no artifact opened: name a RECIPE that can run")
    checks = [check for check, f in CHECKS.items() if recipe or f is not recipes.round_trip]
    found: dict[str, list[str]] = {}
    with console.progress(f"checking {name}", len(checks), "checks") as advance:
        for check, problem in isolation.examined(plugin, checks, timeout):
            found.setdefault(check, []).extend([] if problem is None else [problem])
            advance(problem is None)
    return [Checked(check, _about(check), problems) for check, problems in found.items()]


def look(plugin: Plugin, check: str, place: Path) -> Iterator[str]:
    """What one check finds, in this process and in an empty folder below `place`."""
    plugin = replace(plugin, place=place / check)
    work = plugin.place / WORK
    work.mkdir(parents=True)
    try:
        with chdir(work):
            yield from CHECKS[check](plugin)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # of the plugin's own code
        yield f"cannot be checked: {type(error).__name__}: {error}"


def _about(check: str) -> str:
    return (CHECKS[check].__doc__ or "").partition("\n")[0]


def report(name: str, found: list[Checked]) -> str:
    """A line for each check, and below it what is wrong."""
    width = max(len(one.check) for one in found)
    lines = [f"plugin {name}"]
    for one in found:
        state = f"{len(one.problems)} wrong" if one.problems else "ok"
        lines.append(f"  {one.check:<{width}}  {state:<8} {one.about}")
        lines += [f"    - {problem}" for problem in one.problems]
    return "\n".join(lines)


def show(name: str, found: list[Checked], *, json: bool) -> None:
    """As one document or lines; exit 1 where a check failed."""
    failed = [one.check for one in found if one.problems]
    if json:
        message = f"plugin {name!r} fails: {', '.join(failed)}"
        error = {"error": {"code": 1, "message": message, "where": None}} if failed else {}
        console.document({"plugin": name, "checks": [asdict(one) for one in found], **error})
    else:
        console.emit(report(name, found))
    if failed:
        raise typer.Exit(1)
