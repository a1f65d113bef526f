"""Discovery and isolation of plugins: entry points for commands, pluggy for hooks.

A plugin that cannot be loaded costs one line on stderr and breaks nothing else.
"""

import importlib
import os
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

from mirctl import console, distributed, stopping
from mirctl.errors import MissingError, UsageError, suggest

COMMANDS = "mirctl.commands"
HOOKS = "mirctl.plugins"
CORE = "mirctl"
NAME = re.compile(r"[A-Za-z0-9][\w-]{0,39}", re.ASCII)
PATIENCE = 60.0
"""Seconds that a plugin may take to load, and to answer a hook that gives things."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one plugin, for one line on stderr and for `mirctl plugins doctor`."""

    plugin: str
    distribution: str
    reason: str
    detail: str = ""
    """The traceback, where there is one."""

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} (from {self.distribution}): {self.reason}"


def distribution(entry: EntryPoint) -> str:
    """Name of the distribution an entry point came from."""
    return _named(entry.dist) if entry.dist else "unknown"


@cache
def _named(installed: Distribution) -> str:
    """Read once: it stands in a file, and every entry point asks for it."""
    return installed.name


def version(entry: EntryPoint) -> str:
    """Version of the distribution an entry point came from."""
    return entry.dist.version if entry.dist else "unknown"


def is_core(entry: EntryPoint) -> bool:
    """The core's own entries are never switched off."""
    ours = entry.value.partition(":")[0].split(".")[0] == CORE
    return ours and distribution(entry) == CORE


@cache
def discover(group: str) -> tuple[dict[str, EntryPoint], list[Problem]]:
    """Entry points of `group` by name, and the name clashes among them.

    The distribution that ships the core wins a clash; between strangers neither runs.
    `MIRCTL_PLUGINS=a,b` limits what is seen.
    """
    wanted = os.environ.get("MIRCTL_PLUGINS")
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    rivals: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        if names is None or entry.name in names or is_core(entry):
            rivals.setdefault(entry.name, []).append(entry)
    found, problems = {}, []
    for name, entries in rivals.items():
        if not NAME.fullmatch(name):
            reason = "is no name for a plugin: letters, digits, - and _, 40 at most"
            problems.append(Problem(name[:40], distribution(entries[0]), reason))
            continue
        ours = [entry for entry in entries if distribution(entry) == CORE]
        if len(entries) > 1:
            owners = sorted(distribution(entry) for entry in entries)
            verdict = f"{CORE}'s own is used" if ours else "none of them is used: uninstall one"
            reason = f"the name is claimed by {' and '.join(owners)}; {verdict}"
            problems.append(Problem(name, ", ".join(owners), reason))
        if len(entries) == 1 or ours:
            found[name] = (ours or entries)[0]
    return found, problems


def named(name: str) -> tuple[EntryPoint | None, EntryPoint | None]:
    """The command and the hooks of an installed plugin; both None where others claim its name."""
    (commands, clashes), (hooks, more) = map(discover, (COMMANDS, HOOKS))
    known = {*commands, *hooks, *(clash.plugin for clash in [*clashes, *more])}
    if name not in known:
        hint = suggest(name, known, f"installed: {', '.join(sorted(known))}")
        raise UsageError(f"no plugin {name!r} is installed{hint}")
    return commands.get(name), hooks.get(name)


def load(entry: EntryPoint, patience: float | None = None) -> Any:
    """Import what an entry point names; raises LoadError whatever goes wrong in the plugin, also
    where it takes longer than so many seconds."""
    try:
        with stopping.within(patience) if patience else nullcontext():
            return entry.load()
    except (Exception, SystemExit) as error:
        reason = f"cannot be loaded: {type(error).__name__}: {error}"
        detail = "".join(traceback.format_exception(error))
        raise LoadError(Problem(entry.name, distribution(entry), reason, detail)) from error


class LoadError(Exception):
    """A plugin's module raised while it was imported."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass
class Hooks:
    """The hook implementations of every plugin that could be loaded."""

    manager: Any
    problems: list[Problem]
    off: dict[tuple[str, str], str] = field(default_factory=dict)
    """(plugin, hook) -> why it is called no more."""

    def call(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """(plugin, answer) of each implementation; one that raises is told once, then left out."""
        answers = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            name = implementation.plugin_name
            if (name, hook) in self.off:
                continue
            given = {key: arguments[key] for key in implementation.argnames}
            try:
                with nullcontext() if arguments else stopping.within(PATIENCE):
                    answers.append((name, implementation.function(**given)))
            except (Exception, SystemExit) as error:
                reason = f"{hook} raised {type(error).__name__}: {error}; it is switched off"
                self.off[name, hook] = reason
                console.warn(f"plugin {name!r}: {reason}")
        return answers


@cache
def hooks() -> Hooks:
    """Load every plugin's hooks once a process, each in isolation, and tell what failed."""
    import pluggy

    from mirctl import hookspecs

    manager = pluggy.PluginManager("mirctl")
    manager.add_hookspecs(hookspecs)
    entries, problems = discover(HOOKS)
    problems = list(problems)
    for name, entry in sorted(entries.items(), key=lambda pair: (not is_core(pair[1]), pair[0])):
        try:
            plugin = load(entry, PATIENCE)
            _check_api(name, entry, plugin, hookspecs.API)
            problems += _registered(manager, name, entry, plugin)
        except LoadError as error:
            problems.append(error.problem)
        except pluggy.PluginValidationError as error:
            manager.unregister(name=name)
            problems.append(Problem(name, distribution(entry), str(error).splitlines()[-1].strip()))
        except ValueError:
            reason = f"{entry.value} is registered already, under another name"
            problems.append(Problem(name, distribution(entry), reason))
    for problem in problems:
        console.warn(f"{problem} (see: mirctl plugins doctor)")
    return Hooks(manager, problems)


def _registered(manager: Any, name: str, entry: EntryPoint, plugin: object) -> list[Problem]:
    """Register a plugin's hooks; gives those that will go, as their specification says."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DeprecationWarning)
        manager.register(plugin, name)
    manager.check_pending()
    return [
        Problem(name, distribution(entry), f"uses a hook that will go: {w.message}") for w in told
    ]


def tell(hook: str, **arguments: Any) -> None:
    """Call back every plugin; of several processes of a run only the first one does."""
    if not distributed.rank():
        hooks().call(hook, **arguments)


def _check_api(name: str, entry: EntryPoint, plugin: object, api: int) -> None:
    spoken = getattr(plugin, "mirctl_api", None)
    if spoken == api:
        return
    reason = f"speaks hook version {spoken}, this mirctl speaks {api}"
    if spoken is None:
        reason = f"{entry.value} carries no `mirctl_api`, so it is no mirctl plugin"
    raise LoadError(Problem(name, distribution(entry), reason))


def undecorated(plugin: object) -> list[str]:
    """Names like mirctl_jobs that pluggy would ignore in silence for want of @hookimpl."""
    return [
        name
        for name in dir(plugin)
        if name.startswith("mirctl_")
        and callable(getattr(plugin, name))
        and not hasattr(getattr(plugin, name), "mirctl_impl")
    ]


def results(hook: str) -> list[Any]:
    """Every plugin's answers to a hook that returns a list, in one list.

    Of two things with one name the core's distribution keeps its own; between strangers neither
    stays. What is no list, or no list of what the hook asks for, is told and left out.
    """
    named: dict[str, list[tuple[str, Any]]] = {}
    for plugin, answer in hooks().call(hook):
        for item, problem in checked(hook, answer):
            if problem:
                console.warn(f"plugin {plugin!r}: {problem}")
            else:
                name = getattr(item, "name", None) or item.kind
                named.setdefault(name, []).append((plugin, item))
    return [item for name, rivals in named.items() for item in _one(hook, name, rivals)]


def version_of_giver(hook: str, item: object) -> str | None:
    """Version of the distribution whose plugin gave an answer; None where that is the core's."""
    entries, _ = discover(HOOKS)
    for name, answer in hooks().call(hook):
        theirs = name in entries and not is_core(entries[name])
        if theirs and isinstance(answer, list | tuple) and item in answer:
            return version(entries[name])
    return None


def checked(hook: str, answer: Any) -> Iterator[tuple[Any, str]]:
    """(item, "") for each item of a hook's answer, or (None, what is wrong with it)."""
    from mirctl.hookspecs import GIVES

    if not isinstance(answer, list | tuple):
        yield None, f"{hook} gave a {type(answer).__name__}, not a list"
        return
    for item in answer:
        if isinstance(item, GIVES[hook]):
            yield item, ""
        else:
            wanted, got = GIVES[hook].__name__, type(item).__name__
            yield None, f"{hook} gave a {got} where a {wanted} is expected"


def _one(hook: str, name: str, rivals: list[tuple[str, Any]]) -> list[Any]:
    """Who keeps a name that several plugins give."""
    if len(rivals) == 1:
        return [rivals[0][1]]
    entries, _ = discover(HOOKS)
    ours = [item for plugin, item in rivals if distribution(entries[plugin]) == CORE]
    verdict = f"{CORE}'s own is used" if ours else "none of them is used"
    console.warn(f"{hook}: {name!r} is given by {', '.join(p for p, _ in rivals)}; {verdict}")
    return ours[:1]


def import_object(string: str) -> Any:
    """The object an import string "package.module:name" of a plugin names; else a MissingError."""
    try:
        module, _, name = string.partition(":")
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise MissingError(f"{string!r} cannot be imported: {told}") from error


def import_function(string: str) -> Callable[..., Any]:
    """As import_object, for what is called."""
    return import_object(string)
