"""Checks that call a plugin's commands, wrongly and with files that do not exist.

All but one run in this process.
"""

import json
from collections.abc import Iterator

from mirctl.cli import first_doc_line
from mirctl.conformance import telling
from mirctl.conformance.plugin import OUT, Command, Plugin
from mirctl.conformance.running import HOUSE, Ran, called, python

UNKNOWN = "--no-such-option"
NO_TERMINAL = {"NO_COLOR": "1", "TERM": "dumb", "FORCE_COLOR": ""}


def help_texts(plugin: Plugin) -> Iterator[str]:
    """Every command, argument and option has a help text."""
    commands = plugin.commands()
    if commands and plugin.command and not first_doc_line(plugin.command):
        module = plugin.command.module
        yield f"{module} has no docstring: its first line is what `mirctl --help` shows"
    for command in commands:
        if not command.node.help:
            yield f"`{command}` has no help text: write its docstring"
        for parameter in command.node.params:
            if not getattr(parameter, "help", None) and not getattr(parameter, "hidden", False):
                yield f"`{command}`: {parameter.opts[0]} has no help text"
        ran = called(*command.words, "--help")
        if ran.code or not ran.out.strip():
            yield f"`{command} --help` exits {ran.code}{_why(ran)}"
        if command.is_group and called(*command.words).code:
            yield f"`{command}` alone shows no help: typer.Typer(no_args_is_help=True)"


def usage(plugin: Plugin) -> Iterator[str]:
    """Wrong usage is exit 2 with a message on stderr and nothing on stdout."""
    for command in plugin.commands():
        lines = [[*command.words, UNKNOWN]]
        if command.insists:
            lines.append([*command.words])
        for line in lines:
            ran = called(*line)
            if ran.code != 2 or ran.out or not ran.err.strip():
                yield f"`{_shell(line)}` exits {ran.code}, not 2 with a message{_why(ran)}"


def missing_files(plugin: Plugin) -> Iterator[str]:
    """A file that does not exist is an error of the house, and leaves nothing behind."""
    for command in _leaves(plugin):
        line = command.filled()
        ran = called(*line)
        if ran.code not in HOUSE:
            told = "raise the type of mirctl.errors that says whose fault it is"
            yield f"`{_shell(line)}` exits {ran.code}: {told}{_why(ran)}"
        elif ran.code and not ran.err.strip():
            yield f"`{_shell(line)}` exits {ran.code} and says nothing on stderr"
        if (left := plugin.swept()) and ran.code:
            yield f"`{_shell(line)}` fails and leaves {left} behind: write with mirctl.files"


def json_documents(plugin: Plugin) -> Iterator[str]:
    """--json prints one JSON document, also on failure."""
    for command in _leaves(plugin):
        if command.takes("--json"):
            for more in ("--json",), ("--json", UNKNOWN):
                line = command.filled(*more)
                ran = called(*line)
                yield from (f"`{_shell(line)}` {problem}" for problem in _document(ran))
            plugin.swept()


def _document(ran: Ran) -> Iterator[str]:
    """What keeps a command's output from being one document that tells how it ended."""
    try:
        found, end = json.JSONDecoder().raw_decode(ran.out.lstrip())
    except ValueError:
        yield f"prints no JSON on stdout (exit {ran.code}): {ran.out[:80]!r}{_why(ran)}"
        return
    if ran.out.lstrip()[end:].strip():
        yield "prints more than one JSON document: call mirctl.console.document once"
    elif not isinstance(found, dict):
        yield f"prints a JSON {type(found).__name__}, not an object"
    elif ran.code:
        error = found.get("error")
        if not isinstance(error, dict) or error.get("code") != ran.code:
            yield f"exits {ran.code} without an `error` of that `code` in its document"


def dry_run(plugin: Plugin) -> Iterator[str]:
    """--dry-run writes nothing, and a RECIPE passes it."""
    for command in _leaves(plugin):
        if command.takes("--dry-run"):
            line = command.filled("--dry-run")
            ran = called(*line)
            yield from _dry(plugin, line)
            if ran.code not in HOUSE:
                yield f"`{_shell(line)}` exits {ran.code}{_why(ran)}"
    if plugin.recipe is not None:
        line = ["run", plugin.recipe, "--dry-run", "--out", OUT]
        ran = called(*line)
        yield from _dry(plugin, line)
        if ran.code:
            yield f"`{_shell(line)}` exits {ran.code}{_why(ran)}"


def _dry(plugin: Plugin, line: list[str]) -> Iterator[str]:
    if left := plugin.swept():
        yield f"`{_shell(line)}` writes {left}: it may only look"


def no_terminal(plugin: Plugin) -> Iterator[str]:
    """It works, and ends, without a terminal, without stdin, and without colours."""
    leaves = _leaves(plugin)
    lines = [[plugin.name, "--help"]] if leaves else []
    lines += [leaf.filled() for leaf in leaves[:1]]
    for line in lines:
        telling.call(f"`{_shell(line)} <&-`")
        ran = python("-m", "mirctl", *line, closed=True, timeout=None, **NO_TERMINAL)
        telling.call("")
        if ran.code not in HOUSE or "Traceback" in ran.err:
            yield f"`{_shell(line)} <&-` exits {ran.code} without a terminal{_why(ran)}"
        if "\x1b" in ran.out + ran.err:
            yield f"`{_shell(line)}` prints control codes though NO_COLOR is set"


def _leaves(plugin: Plugin) -> list[Command]:
    return [command for command in plugin.commands() if not command.is_group]


def _shell(line: list[str]) -> str:
    return " ".join(("mirctl", *line))


def _why(ran: Ran) -> str:
    last = ran.err.strip().splitlines()[-1:]
    return f": {last[0][:200]}" if last else ""
