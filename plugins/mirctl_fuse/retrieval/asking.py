"""What a retriever makes of a query: what it reads of queries goes in as a query, what it reads of
items alone as an item."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from mirctl_fuse.building import WHOLE
from mirctl_fuse.reading import Reader
from mirctl_fuse.retrieval.config import SIDES
from mirctl_fuse.retrieval.model import unit
from mirctl_fuse.retrieval.opening import Saved


def kinds(saved: Saved) -> dict[str, str]:
    """Modality -> text, image, audio or video; those of queries first."""
    found: dict[str, str] = {}
    for side in SIDES:
        for name, own in saved.config.side(side).model.encoders.items():
            found.setdefault(name, own.modality)
    return found


def side_of(saved: Saved, name: str) -> str:
    """Where a modality is read."""
    return "queries" if name in saved.config.side("queries").model.encoders else "items"


def readers(saved: Saved) -> dict[str, Reader]:
    """By side."""
    config, model = saved.config, saved.model
    return {
        side: Reader(config.side(side), saved.facts[side], model.side(side), saved.place)
        for side in SIDES
    }


def vectors(
    saved: Saved, by_side: Mapping[str, Reader], given: Sequence[Mapping[str, str]], *, apart: bool
) -> list[dict[str, Tensor]]:
    """Of each query its vector as a whole and, `apart`, by each modality that is given alone; one
    that gives both sides something is where both of them point."""
    found: list[dict[str, Tensor]] = [{} for _ in given]
    for side in SIDES:
        own = [{n: value for n, value in one.items() if side_of(saved, n) == side} for one in given]
        asked = [n for n, one in enumerate(own) if one]
        if not asked:
            continue
        read = by_side[side].vectors([own[n] for n in asked], apart=apart)
        for n, made in zip(asked, read, strict=True):
            whole = unit(made[WHOLE][None])[0]
            found[n] |= {**made, WHOLE: found[n][WHOLE] + whole if WHOLE in found[n] else whole}
    return found
