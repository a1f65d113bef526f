"""What `mirctl plugins` tells: who is installed, what each gives, what is wrong with it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import typer

from mirctl import console, plugins, stopping
from mirctl.errors import MissingError
from mirctl.hookspecs import GIVES

IMPORT_STRINGS = {"config", "function", "metrics", "check", "load", "accepts", "resolve", "get"}
IMPORT_STRINGS |= {"loader", "merge", "open"}


def listing() -> list[dict[str, Any]]:
    """One row a plugin name, whether it gives commands, hooks or both."""
    commands, _ = plugins.discover(plugins.COMMANDS)
    hooks, _ = plugins.discover(plugins.HOOKS)
    rows = []
    for name in sorted({*commands, *hooks}):
        entry = commands.get(name) or hooks[name]
        if plugins.is_core(entry):
            continue
        rows.append(
            {
                "name": name,
                "distribution": plugins.distribution(entry),
                "version": plugins.version(entry),
                "command": name in commands,
                "hooks": name in hooks,
            }
        )
    return rows


def show_list(rows: list[dict[str, Any]], *, json: bool) -> None:
    """As one document or a table."""
    if json:
        console.document({"plugins": rows})
        return
    cells = [
        [r["name"], r["distribution"], r["version"], _yes(r["command"]), _yes(r["hooks"])]
        for r in rows
    ]
    console.emit(console.table(["plugin", "distribution", "version", "command", "hooks"], cells))


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def describe(name: str) -> dict[str, Any]:
    """A plugin's command and hooks, and everything that these give."""
    command, hooks = plugins.named(name)
    loaded = plugins.hooks()
    plugin = loaded.manager.get_plugin(name)
    if (plugin is None and hooks) or not (command or hooks):
        _, clashes = plugins.discover(plugins.COMMANDS)
        raise MissingError(str(next(p for p in [*loaded.problems, *clashes] if p.plugin == name)))
    given: dict[str, Any] = {"commands": [f"mirctl {name}"]} if command else {}
    if plugin:
        given["hooks"] = sorted(one.name for one in loaded.manager.get_hookcallers(plugin))
    for hook in ("jobs", "encoders", "datasets", "artifact_kinds", "recipes"):
        answers = [answer for owner, answer in loaded.call(f"mirctl_{hook}") if owner == name]
        if answers:
            given[hook] = _plain(answers[0])
    return {"name": name, **given}


def _plain(answer: Any) -> Any:
    if isinstance(answer, list):
        return [dataclasses.asdict(item) for item in answer]
    return sorted(path.stem for path in answer.glob("*.yaml"))


def show_info(given: dict[str, Any], *, json: bool) -> None:
    """As one document or indented lines."""
    if json:
        console.document(given)
        return
    for hook, items in given.items():
        if hook == "name":
            console.emit(items)
            continue
        console.emit(f"  {hook.replace('_', ' ')}:")
        for item in items:
            console.emit(f"    {_line(item)}")


def _line(item: Any) -> str:
    if isinstance(item, str):
        return item
    name = item.get("name") or item.get("kind")
    summary = item.get("summary") or item.get("modality") or ""
    return f"{name}  {summary}".rstrip()


def examine() -> list[plugins.Problem]:
    """Load every command app and every hook module; collect all that is wrong."""
    return [*loading(), *answering()]


def loading() -> list[plugins.Problem]:
    """What is wrong with entry points, apps and hook modules."""
    entries, clashes = plugins.discover(plugins.COMMANDS)
    problems = [*plugins.hooks().problems, *clashes]
    for name, entry in entries.items():
        try:
            app = plugins.load(entry, plugins.PATIENCE)
        except plugins.LoadError as error:
            problems.append(error.problem)
            continue
        if not isinstance(app, typer.Typer):
            reason = f"{entry.value} is a {type(app).__name__}, not a typer.Typer"
            problems.append(plugins.Problem(name, plugins.distribution(entry), reason))
    for name, plugin in plugins.hooks().manager.list_name_plugin():
        for method in plugins.undecorated(plugin) if plugin else ():
            reason = f"{method} has no @hookimpl, so it is never called"
            problems.append(plugins.Problem(name, "hooks", reason))
    return list(dict.fromkeys(problems))


def answering(only: str | None = None) -> list[plugins.Problem]:
    """What is wrong with the answers of the hooks that give things; `only` of this plugin."""
    problems = []
    giving = (*GIVES, "mirctl_recipes")
    for hook in giving:
        for name, answer in plugins.hooks().call(hook):
            asked = hook in GIVES and only in (None, name)
            useless = _useless(hook, answer) if asked else ()
            problems += [plugins.Problem(name, "hooks", why) for why in useless]
    for (name, hook), why in plugins.hooks().off.items():
        if hook in giving and only in (None, name):
            problems.append(plugins.Problem(name, "hooks", why))
    return list(dict.fromkeys(problems))


def _useless(hook: str, answer: Any) -> Iterator[str]:
    """Why an answer of a hook is of no use: not what was asked for, or a wrong import string."""
    for item, problem in plugins.checked(hook, answer):
        if problem:
            yield problem
            continue
        for name in IMPORT_STRINGS & vars(item).keys():
            try:
                with stopping.within(plugins.PATIENCE):
                    if string := getattr(item, name):
                        plugins.import_object(string)
            except MissingError as error:
                yield f"{hook}, {name}: {error.message}"


def show_problems(problems: list[plugins.Problem], *, json: bool) -> None:
    """Every problem in full; exit 5 where there is one."""
    if json:
        message = "; ".join(map(str, problems))
        error = {"error": {"code": 5, "message": message, "where": None}} if problems else {}
        console.document({"problems": [dataclasses.asdict(p) for p in problems], **error})
    elif problems:
        for problem in problems:
            console.emit("\n    ".join([str(problem), *problem.detail.splitlines()]))
    else:
        console.emit("every plugin loads, and every hook is known")
    if problems:
        raise typer.Exit(MissingError.code)
