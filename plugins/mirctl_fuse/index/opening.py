"""A saved index, read and checked: what passes here fails nowhere later."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from mirctl import artifact
from mirctl.artifact import Artifact
from mirctl.errors import ArtifactError
from mirctl.section import Section
from mirctl_fuse.index import saving
from mirctl_fuse.index.approximate import KINDS, Approximate, Approximation
from mirctl_fuse.index.index import ID, NAME, Index, Model
from mirctl_fuse.index.space import Metric, Space


class SpaceFacts(Section):
    """What spaces.json says of one space."""

    metric: Metric
    approximate: Approximation | None


def open_index(folder: Path, model: Artifact | None = None) -> Index:
    """Open an artifact of kind fuse/index; one that another model made than this is refused."""
    art = artifact.open_artifact(folder, saving.KIND, saving.SCHEMA)
    made_by = _model(art)
    if model is not None and model.manifest.digest != made_by.sha256:
        told = f"its vectors are of model {made_by.sha256[:12]}, not of {model.folder}"
        digest = model.manifest.digest[:12]
        raise _damaged(art, f"{told} ({digest}): make the index anew with that model")
    items = _items(art)
    facts = art.checked(saving.SPACES, dict[str, SpaceFacts])
    if not facts or not all(NAME.fullmatch(name) for name in facts):
        raise _damaged(art, f"{saving.SPACES} names no space, or one that cannot be")
    spaces = {name: _space(art, name, told.metric, len(items)) for name, told in facts.items()}
    learned = {
        name: _approximate(art, name, told.approximate, spaces[name])
        for name, told in facts.items()
        if told.approximate is not None
    }
    return Index(items, spaces, made_by, learned, art.metrics())


def _damaged(art: Artifact, problem: str) -> ArtifactError:
    return ArtifactError(problem, where=str(art.folder))


def _model(art: Artifact) -> Model:
    found = [parent for parent in art.manifest.parents if parent.name == saving.MODEL]
    if len(found) != 1:
        raise _damaged(art, "it does not say which model made its vectors")
    path = found[0].path
    return Model(found[0].sha256, art.folder / path if path else None)


def _items(art: Artifact) -> pa.Table:
    try:
        with pa.OSFile(os.fsencode(art.path(saving.ITEMS))) as file:
            table = pq.read_table(file)
        table.validate(full=True)
        ids = table[ID].cast(pa.string())
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise _damaged(art, f"{saving.ITEMS} cannot be read: {error}") from error
    if not len(ids) or ids.null_count or pc.count_distinct(ids).as_py() < len(ids):
        raise _damaged(art, f"{saving.ITEMS}: each item stands there once, and at least one does")
    return table


def _space(art: Artifact, name: str, metric: Metric, count: int) -> Space:
    group = saving.vectors_of(name)
    found = art.tensors(group)
    shape = found.spec("vectors").shape if "vectors" in found else ()
    expected = {"vectors": (torch.float32, (count, max(1, *shape[1:2], 1)))}
    if "present" in found:
        expected["present"] = (torch.bool, (count,))
    held = art.expected_tensors(group, expected)
    space = Space(held["vectors"], metric, held.get("present"))
    if not space.is_sound():
        raise _damaged(art, f"{group}: a vector is longer than one of metric {metric} can be")
    return space


def _approximate(art: Artifact, name: str, how: Approximation, space: Space) -> Approximate:
    group = saving.approximate_of(name)
    found = art.tensors(group)
    shapes = {name: tuple(found.spec(name).shape) for name in found}
    asked = shapes.get("asked", ())[:1] or (0,)
    arrays = art.expected_tensors(
        group,
        KINDS[how.kind].expected(space, shapes) | {"asked": (torch.float32, (*asked, space.width))},
    )
    sample = arrays.pop("asked")
    if problem := KINDS[how.kind].problem(space, arrays):
        raise _damaged(art, f"{group}: {problem}")
    return Approximate(how, space, arrays, sample)
