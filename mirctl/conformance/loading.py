"""Checks of what happens when a plugin is imported, and of what its hooks give."""

import inspect
import json
from collections.abc import Iterator
from contextlib import suppress

from mirctl import diagnosis, plugins
from mirctl.conformance import telling
from mirctl.conformance.plugin import Plugin
from mirctl.conformance.running import python
from mirctl.errors import MissingError
from mirctl.hookspecs import Job

LIMIT = 0.020
"""CPU seconds that importing a module of entry points may take above typer and the core."""
TRIES = 5
HEAVY = ("torch", "transformers", "pydantic", "huggingface_hub", "numpy", "pandas", "pyarrow")
HEAVY += ("PIL", "scipy", "sklearn", "matplotlib", "peft", "accelerate")

_PROBE = """
import json, sys, time
from importlib import import_module
import pluggy, mirctl.cli, mirctl.hookspecs, mirctl.options
begin = time.process_time()
import_module(sys.argv[1])
spent = time.process_time() - begin
print(json.dumps([spent, [name for name in sys.argv[2:] if name in sys.modules]]))
"""


def loads(plugin: Plugin) -> Iterator[str]:
    """The command and the hooks load, and no other plugin has the name."""
    for entry in plugin.entries:
        telling.call(f"`import {entry.module}`")
        with suppress(plugins.LoadError):  # told below
            plugins.load(entry)
    telling.call(f"loading the other plugins (MIRCTL_PLUGINS={plugin.name} leaves them out)")
    for problem in diagnosis.loading():
        if problem.plugin == plugin.name:
            yield problem.reason


def imports(plugin: Plugin) -> Iterator[str]:
    """Importing it is quick and loads nothing heavy."""
    for module in dict.fromkeys(entry.module for entry in plugin.entries):
        yield from _imports(module)


def _imports(module: str) -> Iterator[str]:
    least = float("inf")
    for _ in range(TRIES):  # the first one may compile; a busy machine slows some
        telling.call(f"`import {module}`")
        ran = python("-c", _PROBE, module, *HEAVY, timeout=None)
        if ran.code:
            return  # `loads` tells why
        *printed, last = ran.out.splitlines()
        spent, heavy = json.loads(last)
        least = min(least, spent)
        if printed:
            yield f"{module} prints while it is imported: {printed[0]!r}"
        if heavy:
            yield f"{module} imports {', '.join(heavy)}: import them inside functions"
        if printed or heavy:
            return
        if least < LIMIT:
            return
    yield (
        f"{module} takes {least * 1000:.0f} ms of CPU to import, the limit is "
        f"{LIMIT * 1000:.0f}: import inside functions what only they need"
    )


def hooks(plugin: Plugin) -> Iterator[str]:
    """What its hooks give is of the right kind, and every import string leads somewhere."""
    for problem in diagnosis.answering(plugin.name):
        yield problem.reason
    for owner, answer in plugins.hooks().call("mirctl_jobs"):
        if owner == plugin.name:
            for job, problem in plugins.checked("mirctl_jobs", answer):
                yield from () if problem else _job(plugin, job)


def _job(plugin: Plugin, job: Job) -> Iterator[str]:
    from mirctl.section import JobConfig

    if not job.name.startswith(f"{plugin.name}/"):
        yield f"the job {job.name!r} is called otherwise: a recipe finds {plugin.name}/COMMAND"
    if not job.summary:
        yield f"the job {job.name!r} has no summary: say in one line what goes in and comes out"
    try:
        config = plugins.import_object(job.config)
        function = plugins.import_function(job.function)
    except MissingError:
        return  # told above
    if not (isinstance(config, type) and issubclass(config, JobConfig)):
        yield f"{job.config} is no subclass of mirctl.section.JobConfig"
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        yield f"{job.function} cannot be called with (config, run): {error}"
