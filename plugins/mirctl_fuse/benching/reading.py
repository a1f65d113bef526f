"""Which models and indexes are meant: an index names its model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirctl.artifact import Artifact, open_artifact
from mirctl.bench import reading
from mirctl.bench.reading import Row
from mirctl.errors import UsageError
from mirctl_fuse import index as indexes
from mirctl_fuse.index import Index


@dataclass(frozen=True)
class Made:
    """An index, and the model that made it where that is there."""

    name: str
    art: Artifact
    index: Index
    model: Row | None


@dataclass(frozen=True)
class Found:
    """All that is compared."""

    models: list[Row]
    indexes: list[Made]


def read(given: Sequence[str], metric: str | None) -> Found:
    """The artifacts that are named, and the models that indexes among them name."""
    arts = {folder: open_artifact(folder) for folder in reading.find(given).values()}
    made = {f: art for f, art in arts.items() if art.manifest.kind == indexes.KIND}
    models = {f: art for f, art in arts.items() if f not in made}
    for folder, art in models.items():
        if not art.manifest.kind.startswith("fuse/"):
            told = f"is of kind {art.manifest.kind}: `mirctl bench` compares any"
            raise UsageError(told, where=str(folder))
    opened = {folder: indexes.open_index(folder) for folder in made}
    for one in opened.values():
        _add_model(models, one)
    names = {folder: name for name, folder in reading.find([*map(str, [*models, *made])]).items()}
    rows = reading.read([*map(str, models)], metric) if models else []
    rows = [replace(row, name=names[row.art.folder.resolve()]) for row in rows]
    by_digest = {row.art.manifest.digest: row for row in rows}
    return Found(rows, [Made(names[folder], made[folder], one, by_digest.get(one.model.sha256))
                        for folder, one in opened.items()])  # fmt: skip


def _add_model(models: dict[Path, Artifact], index: Index) -> None:
    """The model of an index, unless it is among them; another one that stands there is none."""
    known = {art.manifest.digest for art in models.values()}
    folder = index.model.folder
    if index.model.sha256 in known or folder is None or not Path(folder).is_dir():
        return
    art = open_artifact(Path(folder))
    if art.manifest.digest == index.model.sha256:
        models[Path(folder).resolve()] = art
