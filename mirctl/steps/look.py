"""One step as it is now: its job, its config, the files that it reads."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mirctl import __version__, files, inputs, jobs, places, plugins, recipe
from mirctl.cache import Hashes
from mirctl.errors import DataError, UsageError
from mirctl.hookspecs import Job
from mirctl.section import JobConfig, Relative
from mirctl.steps.graph import Pipeline, Step
from mirctl.steps.reading import out_of, with_references
from mirctl.steps.record import FILE, LOGS, Record, Records, Watched, text_digest

TABLE = "sweep.csv"
TAKEN = (FILE, TABLE, LOGS)


class Look:
    """Looks at steps: their jobs, configs and inputs. Nothing is resolved that did not change."""

    def __init__(self, pipeline: Pipeline, folder: Path, records: Records, known: Hashes) -> None:
        self.pipeline, self.folder, self.records, self.known = pipeline, folder, records, known
        self.jobs = {s.name: _job(s) for s in pipeline.steps.values()}
        self.outs = {s.name: self._out(s) for s in pipeline.steps.values()}

    def _out(self, step: Step) -> str:
        """Where the result stands, below the folder."""
        job = self.jobs[step.name]
        suffix = job.suffix if job.makes == "table" else ""
        if not step.of:
            return f"{step.name}{suffix}"
        own = out_of(step.recipe) or f"{step.of}{suffix}"
        folder = step.name.rpartition("/")[0]
        return f"{folder}/{own}" if folder else own

    def refuse_shared(self) -> None:
        """Raise a UsageError where two results would stand at one place."""
        owners: dict[str, Step] = {}
        for name, out in self.outs.items():
            step = self.pipeline.steps[name]
            other = owners.setdefault(out.casefold(), step)
            if other is not step or out.casefold() in TAKEN:
                taken = f"step {other.name!r} has it" if other is not step else "it is taken"
                raise UsageError(
                    f"out: step {name!r} cannot write {out}: {taken}",
                    where=step.recipe.where("out"),
                )

    def refuse_links(self) -> None:
        """Raise a UsageError where a result or a log would be written elsewhere, through a link."""
        logs = [f"{LOGS}/{name}.log" for name in self.outs]
        for out in (*self.outs.values(), *logs, TABLE):
            places.refuse_links(self.folder / out, self.folder)

    def refuse_misfits(self, step: Step) -> None:
        """Raise a UsageError where a table stands for an artifact, or the other way round."""
        if not step.needs or self._unchanged(step, self.records.steps.get(step.name)):
            return
        markers = _markers(self.resolve(step, self.jobs[step.name]))
        for key, need in step.needs.items():
            makes, marker = self.jobs[need].makes, markers.get(key)
            wants = "artifact" if marker and marker.model else "table"
            where = step.recipe.where(f"{key}.step")
            if marker is None:
                raise UsageError(f"{key}: takes no file, so no step's result", where=where)
            if makes != wants:
                raise UsageError(
                    f"{key}: takes {_a(wants)}, and step {need!r} makes {_a(makes)} "
                    f"({self.jobs[need].name})",
                    where=where,
                )

    def resolve(self, step: Step, job: Job) -> JobConfig:
        """The step's config, with its parents' places in it."""

        def place(key: str, _: str) -> str:
            return str(self.folder / self.outs[step.needs[key]])

        tree = with_references(step.recipe.tree, place)
        if step.of:
            tree.pop("out", None)
        read = replace(step.recipe, tree=tree)
        return recipe.resolve(plugins.import_object(job.config), read)

    def _asked(self, step: Step) -> str:
        read = step.recipe
        places = [os.path.abspath(read.base), os.getcwd() if read.changed else ""]
        parents = {key: self.jobs[need].name for key, need in step.needs.items()}
        asked = [read.tree, sorted(read.changed), places, parents, self._job_facts(step)]
        return text_digest(asked)

    def _job_facts(self, step: Step) -> dict[str, str]:
        job = self.jobs[step.name]
        theirs = plugins.version_of_giver("mirctl_jobs", job)
        owner = {job.name.partition("/")[0]: theirs} if theirs else {}
        return {"job": job.name, "mirctl": __version__, **owner}

    def _unchanged(self, step: Step, before: Record | None) -> bool:
        return before is not None and before.asked == self._asked(step)

    def described(self, step: Step, before: Record | None) -> Record:
        """What the step is made from now, but for its needs; a DataError for a missing input."""
        if before is not None and self._unchanged(step, before) and _names(step, before.watched):
            config, watched = before.config, before.watched
        else:
            resolved = self.resolve(step, self.jobs[step.name])
            config, watched = _without_places(resolved), list(_watched(resolved, step.needs))
        there = [inputs.Input(w.key, Path(w.path)) for w in watched]
        jobs.refuse_missing(there, step.recipe, step.of)
        return Record(
            state="open",
            asked=self._asked(step),
            job=self._job_facts(step),
            config=config,
            watched=watched,
            inputs=self.contents(watched),
            needs={},
            out=self.outs[step.name],
        )

    def contents(self, watched: Sequence[Watched]) -> dict[str, str]:
        """Key -> sha256 of what a step reads, as it is now."""
        return {one.key: self._content(one) for one in watched}

    def _content(self, watched: Watched) -> str:
        """sha256 of what a step reads."""
        path = Path(watched.path)
        if watched.how == "artifact":
            return self._file(path / files.MANIFEST)
        if not path.is_dir():
            if path.exists() and not path.is_file():
                told = "is a pipe or a device, which cannot be read twice: save it in a file"
                raise DataError(f"{watched.key}: {told}", where=watched.path)
            return self._file(path)
        every = inputs.Input(watched.key, path, skip=tuple(watched.skip)).files()
        listing = [(str(p.relative_to(path)), self._file(p, watched.how)) for p in every]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()

    def _file(self, path: Path, how: str = "file") -> Any:
        with files.unreadable_is(DataError, path):
            if how != "listing":
                return self.known.sha256(path)
            stat = path.stat()
            return stat.st_size, stat.st_mtime_ns


def _names(step: Step, watched: Sequence[Watched]) -> bool:
    """Does the recipe name all of that? A record from elsewhere may tell to read anything."""
    for one in watched:
        value: Any = step.recipe.tree
        for part in one.key.split("."):
            if isinstance(value, list):
                value = value[int(part)] if part.isdecimal() and int(part) < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, str):
            return False
        if one.path != str(recipe.placed(step.recipe, one.key, Path(value))):
            return False
    return True


def _a(makes: str) -> str:
    return f"an {makes}" if makes == "artifact" else f"a {makes}"


def _job(step: Step) -> Job:
    try:
        return jobs.find(step.recipe.uses)
    except UsageError as error:
        raise UsageError(error.message, where=step.recipe.where("uses")) from error


def _markers(config: JobConfig) -> dict[str, Relative]:
    """Dotted key -> mark of each field that names a file, a folder, a model or an artifact."""
    found: dict[str, Relative] = {}

    def note(key: str, path: Path, marker: Relative) -> Path:
        found[key] = marker
        return path

    recipe.map_paths(config, note)
    return found


def _without_places(config: JobConfig) -> dict[str, Any]:
    """What is asked for, wherever files stand: they count by their content."""
    blank = recipe.map_paths(config, lambda _, path, __: Path() if path.is_absolute() else path)
    return blank.model_dump(mode="json")


def _watched(config: JobConfig, needs: Mapping[str, str]) -> Iterator[Watched]:
    """The files and folders that count by their content; not the results of other steps."""
    for item in inputs.find(config):
        if item.key not in needs:
            how = "file" if item.path.is_file() else "folder" if item.hashed else "listing"
            yield Watched(key=item.key, path=str(item.path), how=how, skip=list(item.skip))
    models: dict[str, Path] = {}

    def note(key: str, path: Path, marker: Relative) -> Path:
        if marker.model and path.is_absolute() and key not in needs:
            models[key] = path
        return path

    recipe.map_paths(config, note)
    for key, path in models.items():
        artifact = (path / files.MANIFEST).is_file()
        yield Watched(key=key, path=str(path), how="artifact" if artifact else "folder")
