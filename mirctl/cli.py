"""The root command. It knows plugins only by their entry points and imports none of them."""

import ast
import errno
import json
import os
import signal
import sys
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from mirctl import __version__, console, distributed, plugins
from mirctl.errors import MirctlError, MissingError, UsageError
from mirctl.options import (
    Changes,
    Device,
    DryRun,
    Force,
    Jobs,
    Json,
    Precision,
    Quiet,
    Recipe,
    Require,
    Resume,
    Seed,
    Shard,
    paths,
    whole,
)
from mirctl.several import guarded, several_processes

INTERRUPTED, PIPE_CLOSED = 130, 141


def first_doc_line(entry: EntryPoint) -> str:
    """The one-line help of a plugin, read out of its source without running any of it."""
    package, *rest = entry.value.partition(":")[0].split(".")
    try:
        spec = find_spec(package)
        folders = spec.submodule_search_locations
        source = Path(folders[0], *rest) if folders else Path(spec.origin)
        if source.is_dir():
            source = source / "__init__.py"
        text = source.with_suffix(".py").read_text(encoding="utf-8")
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    except (AttributeError, TypeError, OSError, SyntaxError, ValueError, ImportError):
        return "(cannot be read: see mirctl plugins doctor)"


class LazyCommand(TyperCommand):
    """Stands in for a plugin's app in listings; the app takes over once it is called."""

    def __init__(self, entry: EntryPoint) -> None:
        panel = None if plugins.is_core(entry) else "Plugins"
        super().__init__(entry.name, rich_help_panel=panel)
        self.entry = entry

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        return self._app().make_context(*args, **kwargs)

    def _app(self) -> TyperGroup:
        try:
            app = plugins.load(self.entry)
        except plugins.LoadError as error:
            raise MissingError(f"{error.problem} (see: mirctl plugins doctor)") from error
        if not isinstance(app, typer.Typer):
            owner = plugins.distribution(self.entry)
            kind = type(app).__name__
            raise MissingError(
                f"plugin {self.name!r} (from {owner}): is a {kind}, not a typer.Typer"
            )
        return guarded(typer.main.get_group(app))


class PluginGroup(TyperGroup):
    """The root group: its own commands and a stand-in for each plugin."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        guarded(self)
        found, self.clashes = plugins.discover(plugins.COMMANDS)
        for name, entry in found.items():
            self.commands.setdefault(name, LazyCommand(entry))

    def list_commands(self, ctx: typer.Context) -> list[str]:
        for command in self.commands.values():
            if isinstance(command, LazyCommand):
                command.help = first_doc_line(command.entry)
        return sorted(self.commands)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:
        for clash in self.clashes:
            if clash.plugin == args[0] and args[0] not in self.commands:
                raise MissingError(str(clash))
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            if limit := os.environ.get("MIRCTL_PLUGINS"):
                raise UsageError(
                    f"{error.format_message()} (MIRCTL_PLUGINS={limit} limits what is loaded)"
                ) from error
            raise

    def invoke(self, ctx: typer.Context) -> Any:
        try:
            os.getcwd()
        except FileNotFoundError as error:  # torch would end the process
            raise UsageError("the folder you are in is gone: change to another one") from error
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise PipeClosed from error


class PipeClosed(Exception):
    """Whoever read our stdout has gone: typer would call that a failure."""


app = typer.Typer(
    cls=PluginGroup, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.emit(f"mirctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show it and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Adapt, fuse, align and evaluate large frozen encoders."""


@app.command()
def env(json: Json = False) -> None:
    """Show what a bug report needs: versions, machine, devices, cache, plugins."""
    from mirctl import environment

    environment.show(environment.describe(), json=json)


@several_processes
@app.command()
def run(
    recipe: Recipe,
    changes: Changes = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder, or file of a table.")
    ] = None,
    seed: Seed = None,
    device: Device = None,
    precision: Precision = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    force: Force = False,
    require: Require = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Run this step and all after it in any case.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="After a failure go on with independent steps.")
    ] = False,
    workers: Jobs = 1,
    shard: Shard = None,
    on: Annotated[
        Literal["ray"] | None, typer.Option("--on", help="Do the shards of a job on a Ray cluster.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--shards", parser=whole(1, 10**6), help="How many, with --on; else one for each CPU."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a recipe: `uses:` in it names the job, or `steps:` a graph of jobs."""
    from mirctl import jobs, shards, steps

    console.configure(quiet=quiet)
    part = shards.Shard.parse(shard)
    options = jobs.Options(out, seed, device, precision, resume, dry_run, force, part, on, count)
    gate = jobs.requirements(require)
    ways = steps.Ways(start, keep_going, workers)
    steps.run(recipe, changes or [], options, ways, require=gate, json=json)


@app.command(epilog="Example: mirctl bench race/seed=0/* old --metric ndcg@10 --out table")
def bench(
    artifacts: Annotated[
        list[str],
        typer.Argument(
            metavar="ARTIFACT",
            help="Artifacts, folders that hold some, or org/name@revision on the hub.",
            autocompletion=paths,
        ),
    ],
    metric: Annotated[
        str | None, typer.Option("--metric", help="What quality is; else what the kind names.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="New folder for bench.csv and pareto.svg, .png."),
    ] = None,
    force: Force = False,
    require: Require = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Set any artifacts side by side: quality, seconds, memory, parameters, TPME."""
    from mirctl import bench, jobs

    console.configure(quiet=quiet)
    gate = jobs.requirements(require)
    bench.bench(artifacts, metric, out, gate, force=force, json=json)


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Torch's threads spin while they wait for each other: beside another job that makes training
    # many times slower. A short spin costs an idle machine little. Read when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if os.environ.get("NO_COLOR"):  # rich leaves out colours, but not bold
        os.environ.setdefault("_TYPER_FORCE_DISABLE_TERMINAL", "1")
    try:
        _catch_signals()
        console.open_streams()
        code = run_command(sys.argv[1:])
    except KeyboardInterrupt:  # a second Ctrl-C, while the first was being told
        code = INTERRUPTED
    finally:
        _let_signals_end_it()
    sys.exit(code)


def _catch_signals() -> None:
    """From now on there is something to clean up after Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Slurm and CI end a job so: what cleans up after Ctrl-C cleans up then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _let_signals_end_it() -> None:
    """What is left is the interpreter's own end, which a signal would litter with a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, signal.SIG_DFL)


def run_command(arguments: list[str]) -> int:
    """Run one command line; every way it can end becomes one exit code and one message."""
    as_json = "--json" in arguments
    distributed.begin()
    try:
        code = app(arguments, prog_name="mirctl", standalone_mode=False)
        console.flush()
        if code == INTERRUPTED:
            return _fail(
                code,
                "interrupted: what is cached stays so",
                None,
                as_json=as_json,
            )
        return code if isinstance(code, int) else 0
    except (PipeClosed, BrokenPipeError):
        _abandon_stdout()
        return PIPE_CLOSED
    except console.StdoutError as error:
        _abandon_stdout()
        return _fail(error.code, error.message, error.where, as_json=False)
    except MirctlError as error:
        if "--debug" in arguments:
            console.trace(error)
        alike = isinstance(error, distributed.AlikeError)
        told = {"as_json": as_json, "alike": alike, "rank": error.rank}
        return _fail(error.code, error.message, error.where, **told)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            console.emit(error.format_message()) if error.format_message() else None
            return 0
        context = getattr(error, "ctx", None)
        where = context.command_path if context else None
        return _fail(error.exit_code, error.format_message(), where, as_json=as_json)
    except SystemExit as error:
        # Rich leaves like this when whoever reads the help has gone.
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _abandon_stdout()
        return PIPE_CLOSED
    except (typer.Abort, KeyboardInterrupt):
        return _fail(INTERRUPTED, "interrupted", None, as_json=as_json)
    except Exception as error:
        from mirctl import stopping

        if stopping.interrupted(error):
            return _fail(INTERRUPTED, "interrupted", None, as_json=as_json)
        if "--debug" in arguments:
            console.trace(error)
        return _fail_unforeseen(error, as_json=as_json)


def _fail_unforeseen(error: Exception, *, as_json: bool) -> int:
    """The system's refusals are told as such; anything else is a bug."""
    import traceback

    frames = [
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error, OSError) and frames[-1].startswith("rich."):  # it writes help to stdout
        _abandon_stdout()
        return _fail(1, f"cannot be written: {error.strerror}", "stdout", as_json=False)
    if isinstance(error, OSError) and error.filename:
        code = 2 if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else 1
        return _fail(code, f"{error.strerror}", str(error.filename), as_json=as_json)
    message = f"{type(error).__name__}: {error}"
    if "OutOfMemory" in message or "allocate memory" in message or isinstance(error, MemoryError):
        todo = "a smaller batch_size, history or dim needs less"
        return _fail(1, f"the memory is full: {todo}", None, as_json=as_json)
    hint = "this is a bug in mirctl or a plugin: `mirctl --debug ...` shows where"
    return _fail(1, f"{message} ({hint})", None, as_json=as_json)


def _fail(
    code: int,
    message: str,
    where: str | None,
    *,
    as_json: bool,
    alike: bool = False,
    rank: int | None = None,
) -> int:
    """Say why a command ends, and give its exit code; `alike`: every process ends so; `rank`: of
    the process that failed, where it is another one."""
    from mirctl import meeting

    mine = meeting.Failure(code, message, where, distributed.rank() if rank is None else rank)
    told, by_first = (mine, True) if alike else meeting.settled(mine)
    console.error(str(told), once=by_first or code == INTERRUPTED, rank=told.rank)
    if as_json:
        try:
            console.emit(json.dumps({"error": told.document()}, ensure_ascii=False))
            console.flush()
        except (BrokenPipeError, console.StdoutError):
            _abandon_stdout()
    if not alike:
        meeting.leave(told)
    return told.code


def _abandon_stdout() -> None:
    """Keep the interpreter from flushing into a closed pipe at exit."""
    sys.stdout = None
