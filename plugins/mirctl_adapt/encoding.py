"""`mirctl adapt encode`: hidden states alone, into the cache and, on request, into an artifact."""

from collections.abc import Sequence
from typing import Any

from mirctl import files, jobs
from mirctl.data.catalogue import load_catalogue
from mirctl.encode import stored
from mirctl.errors import UsageError
from mirctl_adapt import towers
from mirctl_adapt.config import AdaptConfig

KIND = "adapt/states"


def encode(
    name: str, changes: Sequence[str], options: jobs.Options, shard: str | None
) -> dict[str, Any]:
    """Encode a recipe's items, or every n-th from the i-th on, and report what was done."""
    _, config = jobs.prepare(name, changes, options, only="adapt/run")
    if not isinstance(config, AdaptConfig) or not config.model.encoders:
        raise UsageError(f"{name}: its method reads no content, so there is nothing to encode")
    if options.out is not None:
        files.refuse_to_overwrite(options.out, force=options.force)
    items = load_catalogue(config.data, seed=config.seed).items
    made = stored.encoded(
        config, items.ids, shard, lambda *how: towers.encode(config.model, items, *how)
    )
    if options.out is not None:
        stored.write(KIND, config, made, options.out, force=options.force)
    return stored.report(made, options.out)
