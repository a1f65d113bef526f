"""`mirctl fuse encode`: hidden states alone, into the cache and, on request, into an artifact."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirctl import files, jobs
from mirctl.data.catalogue import load_catalogue
from mirctl.encode import catalogue, stored
from mirctl.encode.catalogue import Wanted
from mirctl.encode.states import States
from mirctl.errors import UsageError
from mirctl.section import JobConfig
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.inputs import Raw
from mirctl_fuse.retrieval import pairs, pipeline
from mirctl_fuse.retrieval.config import PairConfig

KIND = "fuse/states"


def encode(
    name: str, changes: Sequence[str], options: jobs.Options, shard: str | None
) -> dict[str, Any]:
    """Encode a recipe's items, or every n-th from the i-th on, and report what was done."""
    _, config = jobs.prepare(name, changes, options, only=("fuse/train", "fuse/retrieval"))
    if options.out is not None:
        files.refuse_to_overwrite(options.out, force=options.force)
    ids, wanted = _wanted(config, into=options.out)
    if not any(own.settings for own in wanted.values()):
        raise UsageError(f"{name}: its modalities are all vectors: there is nothing to encode")

    def work(*how: Any) -> dict[str, States]:
        return {side + tower: states for side, own in wanted.items()
                for tower, states in catalogue.encode(own, *how).items()}  # fmt: skip

    made = stored.encoded(config, ids, shard, work)
    if options.out is not None:
        stored.write(KIND, config, made, options.out, force=options.force)
    return stored.report(made, options.out)


def _wanted(config: JobConfig, into: Path | None) -> tuple[Sequence[str], dict[str, Wanted]]:
    """The ids of what is encoded, and what there is to encode, by what stands before the names of
    its modalities."""
    if isinstance(config, PairConfig):
        if config.data.queries and into is not None:
            told = "--out is for one table, and queries and items are two: without it, their "
            raise UsageError(f"{told}states are in the cache")
        things = pairs.load(config)
        wanted = {f"{side}.": own.wanted(config.side(side))
                  for side, own in pipeline.raw(config, things).items()}  # fmt: skip
        return things.items.ids, wanted
    assert isinstance(config, FuseConfig)
    items = load_catalogue(config.data, seed=config.seed).items
    return items.ids, {"": Raw.of(config, items).wanted(config)}
