"""Commands that a launcher may start in several processes, and those that refuse it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mirctl import distributed


def several_processes(command: Callable[..., None]) -> Callable[..., None]:
    """Say that a command does its work in several processes where a launcher such as torchrun
    started them; a command without it refuses them."""
    command.several_processes = True
    return command


def guarded(command: Any) -> Any:
    """A typer command, or all of a group, with that refusal."""
    for each in getattr(command, "commands", {}).values():
        guarded(each)
    if not hasattr(command, "commands") and not hasattr(command.callback, "several_processes"):
        command.invoke = partial(_alone, command.invoke)
    return command


def _alone(invoke: Callable[[Any], Any], context: Any) -> Any:
    sharded = any(option.name == "shard" for option in context.command.params)
    instead = "its parts with --shard i/n" if sharded else ""
    distributed.refuse_several(context.command_path.removeprefix("mirctl "), instead)
    return invoke(context)
