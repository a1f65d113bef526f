"""What a command line asks for, made into a table, a model, a job."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from mirctl import files, hub, jobs
from mirctl.errors import DataError, Interrupted, UsageError, suggest
from mirctl.shards import Shard
from mirctl.tables import Stream, goes_through, open_stream
from mirctl_impute import filling, saving, schema
from mirctl_impute.filling import Told, Ways
from mirctl_impute.imputer import Imputer

DEFAULT = "impute/table"


def column_names(text: str | None) -> tuple[str, ...] | None:
    """`a,b,c`."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"--names {text!r}: a name for each column, each once: a,b,c")
    return names


def listed(option: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    """`a,b,c` of an option, each once and each of them known."""
    names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    known = list(known)
    for name in names:
        if name not in known:
            hint = suggest(name, known, f"there are {', '.join(known)}")
            raise UsageError(f"{option} {text!r}: {name!r} is none of them{hint}")
    if not names:
        raise UsageError(f"{option} {text!r} names none: there are {', '.join(known)}")
    return names


def table(
    path: str, names: str | None, missing: Sequence[str] | None, schema_file: Path | None
) -> tuple[Stream, schema.Schema]:
    """A table and what is said of its columns."""
    said = schema.read(schema_file, tuple(missing) if missing else None)
    return open_stream(path, column_names(names)), said


def job(
    path: str, settings: Sequence[str], names: str | None, missing: Sequence[str] | None,
    schema_file: Path | None,
) -> tuple[str, list[str]]:  # fmt: skip
    """The recipe and its changes that `fit` means; options beat settings."""
    if path == "-":
        raise UsageError("fit reads its table more than once: write stdin to a file first")
    for given in filter(None, (Path(path), schema_file)):
        if not given.exists():  # the recipe's own complaint would name a key that nobody wrote
            raise DataError("no such file", where=str(given))
    first = settings[0] if settings else ""
    named = bool(first) and "=" not in first
    said = {
        "table": path,
        "names": column_names(names),
        "missing": list(missing) if missing else None,
        "schema_file": None if schema_file is None else str(schema_file),
    }
    told = [f"data.{key}={json.dumps(value)}" for key, value in said.items() if value is not None]
    return first if named else DEFAULT, [*settings[named:], *told]


def open_model(path: Path, device: str | None) -> Imputer:
    """A learned table, on the device asked for."""
    return saving.load(path, device or "auto")


def refuse_to_overwrite(out: str, *, force: bool) -> None:
    """Raise a UsageError where a result exists and nobody gave it up."""
    if not goes_through(out):
        files.refuse_to_overwrite(Path(out), force=force, marker=None)


def fill(
    model: str, rest: Sequence[str], out: str, ways: Ways, *, fit: bool, names: str | None,
    missing: Sequence[str] | None, schema_file: Path | None, device: str | None, force: bool,
    shard: str | None = None,
) -> Told:  # fmt: skip
    """Fill a table by a model, or by itself."""
    part = Shard.parse(shard)
    refuse_to_overwrite(out, force=force)
    if fit and shard:
        raise UsageError("--shard goes with a model: learn the table once, then fill its parts")
    if not fit:
        if len(rest) != 1:
            raise UsageError("fill wants a model and a table: mirctl impute fill MODEL TABLE")
        if missing or schema_file:
            raise UsageError("the model knows what is missing and which kinds the columns are: "
                             "--missing and --schema go with --fit")  # fmt: skip
        if part.of > 1 and rest[0] == "-":
            raise UsageError("--shard reads a table twice, and stdin can be read only once: "
                             "save it in a file")  # fmt: skip
        imputer = open_model(hub.artifact_folder(model), device)
        stream = known_table(imputer, rest[0], column_names(names))
        return filling.fill(imputer, stream, out, ways, part)
    recipe, changes = job(model, rest, names, missing, schema_file)
    with tempfile.TemporaryDirectory() as folder:
        art = Path(folder) / "model"
        options = jobs.Options(art, device=device)
        try:
            jobs.execute(recipe, changes, options, only="impute/fit")
        except (Interrupted, KeyboardInterrupt) as error:
            raise Interrupted(
                "stopped while it was learned, nothing is written: `mirctl impute fit` would keep "
                "what is learned, and go on with --resume",
                where=model,
            ) from error
        imputer = open_model(art, device)
        return filling.fill(imputer, known_table(imputer, model, column_names(names)), out, ways)


def known_table(imputer: Imputer, path: str, names: tuple[str, ...] | None) -> Stream:
    """A table whose columns, where the learned one had no header, are the learned ones."""
    learned = imputer.table.names if imputer.table.headless else None
    return open_stream(path, names, otherwise=learned)


def open_filled(path: str, names: tuple[str, ...] | None) -> Stream:
    """A filled table; one of several draws has a column more, which a header would name."""
    if names is None or path == "-":
        return open_stream(path, names)
    try:
        stream = open_stream(path, names)
        next(stream.blocks(1), None)
    except DataError:
        return open_stream(path, (filling.DRAW, *names))
    return open_stream(path, names)
