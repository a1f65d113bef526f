"""`mirctl fuse encode`: hidden states alone, into the cache and, on request, into an artifact."""

from collections.abc import Sequence
from typing import Any

from mirctl import files, jobs
from mirctl.data.catalogue import load_catalogue
from mirctl.encode import catalogue, stored
from mirctl.errors import UsageError
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.inputs import Raw

KIND = "fuse/states"


def encode(
    name: str, changes: Sequence[str], options: jobs.Options, shard: str | None
) -> dict[str, Any]:
    """Encode a recipe's items, or every n-th from the i-th on, and report what was done."""
    _, config = jobs.prepare(name, changes, options, only="fuse/train")
    if not isinstance(config, FuseConfig) or not config.model.cached:
        raise UsageError(f"{name}: no frozen encoder reads its modalities: nothing to encode")
    if options.out is not None:
        files.refuse_to_overwrite(options.out, force=options.force)
    items = load_catalogue(config.data, seed=config.seed).items
    wanted = Raw.of(config, items).wanted(config)
    made = stored.encoded(config, items.ids, shard, lambda *how: catalogue.encode(wanted, *how))
    if options.out is not None:
        stored.write(KIND, config, made, options.out, force=options.force)
    return stored.report(made, options.out)
