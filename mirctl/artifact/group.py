"""A group of tensors on disk: one file, or shards of a size and the index that joins them."""

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mirctl import files
from mirctl.artifact.manifest import INDEX, SUFFIX, pretty
from mirctl.artifact.tensors import Array, Kind, kind_of, write

SHARD_BYTES = 5_000_000_000


def write_group(
    place: Callable[[str], Path],
    name: str,
    tensors: Mapping[str, Array],
    *,
    shard_bytes: int = SHARD_BYTES,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Write NAME.safetensors, or shards and their index; `place` gives the path of each file.

    Tied tensors are stored once: returns {tied tensor: name of the stored one}. A mapping may make
    its tensors when asked: each is asked for twice, and only one is held at a time.
    """
    kinds, aliases = _survey(tensors)
    shards = _shards(kinds, shard_bytes)
    if len(shards) < 2:
        write(place(name + SUFFIX), tensors, kinds, metadata)
        return aliases
    where = {}
    for number, part in enumerate(shards, 1):
        path = place(f"{name}-{number:05}-of-{len(shards):05}{SUFFIX}")
        write(path, tensors, part, metadata)
        where |= dict.fromkeys(part, path.name)
    total = sum(kind.size for kind in kinds.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    files.write_text(place(name + INDEX), pretty(index))
    return aliases


def _survey(tensors: Mapping[str, Array]) -> tuple[dict[str, Kind], dict[str, str]]:
    """Types and shapes of what will be stored, and what is tied to one of those."""
    kinds: dict[str, Kind] = {}
    aliases: dict[str, str] = {}
    seen: dict[object, tuple[str, weakref.ref[Array]]] = {}
    for name in sorted(tensors):
        value = tensors[name]
        kind, place = kind_of(name, value), _place(value)
        first, owner = seen.get(place, (name, None))
        # Memory whose owner is gone was given to this tensor anew: the two are not tied.
        if owner is not None and owner() is not None:
            aliases[name] = first
        else:
            kinds[name] = kind
            if place is not None:
                seen[place] = name, weakref.ref(value)
        del value
    return kinds, aliases


def _place(value: Array) -> object:
    """Where a tensor's data lie; None where it has none, so nothing can be tied to it."""
    if not isinstance(value, Tensor):
        place = value.__array_interface__["data"][0] if getattr(value, "size", 0) else None
        return place and (place, value.shape, value.strides, value.dtype)
    if value.numel() == 0 or value.is_meta:
        return None
    return value.device, value.data_ptr(), value.shape, value.stride(), value.dtype


def _shards(kinds: Mapping[str, Kind], limit: int) -> list[dict[str, Kind]]:
    """Cut in order of names into parts of at most `limit` bytes; a larger tensor stands alone."""
    shards: list[dict[str, Kind]] = []
    room = 0
    for name, kind in sorted(kinds.items()):
        if not shards or kind.size > room:
            shards.append({})
            room = limit
        shards[-1][name] = kind
        room -= kind.size
    return shards
