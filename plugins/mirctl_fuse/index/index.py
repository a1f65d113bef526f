"""The index: items, one or several spaces of their vectors, and how each is searched."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from mirctl.artifact import Artifact
from mirctl.data.items import distinct_ids
from mirctl.errors import DataError, UsageError, suggest
from mirctl.metrics.ranking import summarize
from mirctl_fuse.index import approximate, exact, filtering
from mirctl_fuse.index.approximate import Approximate, Approximation
from mirctl_fuse.index.space import Found, Space

ID = "item_id"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
SAMPLE, RECALL_AT = 1000, 10


@dataclass(frozen=True)
class Model:
    """The artifact that made the vectors."""

    sha256: str
    folder: Path | None = None

    @classmethod
    def of(cls, art: Artifact) -> "Model":
        return cls(art.manifest.digest, art.folder)


@dataclass(frozen=True, eq=False)
class Index:
    """What `build` made, or an artifact holds."""

    items: pa.Table
    """`item_id`, each once, and whatever else is known of the items."""
    spaces: Mapping[str, Space]
    model: Model
    approximate: Mapping[str, Approximate] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def ids(self) -> list[str]:
        return self.items[ID].to_pylist()

    @cached_property
    def place(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def rows(self, ids: Sequence[str]) -> Tensor:
        """(ids,) int64: where items stand; an unknown one is a DataError."""
        for name in ids:
            if name not in self.place:
                raise DataError(f"item {name!r} is not in the index{suggest(name, self.ids)}")
        return torch.tensor([self.place[name] for name in ids], dtype=torch.long)

    def space(self, name: str) -> Space:
        if name not in self.spaces:
            hint = suggest(name, self.spaces, f"there are {', '.join(self.spaces)}")
            raise UsageError(f"the index has no space {name!r}{hint}")
        return self.spaces[name]

    def allowed(self, conditions: Sequence[str]) -> Tensor:
        """(items,) bool: whose columns are as `column=value` says."""
        return filtering.allowed(self.items, conditions)

    def search(
        self,
        space: str,
        queries: Tensor,
        k: int,
        allowed: Tensor | None = None,
        *,
        approximate: bool = False,
    ) -> Found:
        """The k best items for each of queries (queries, width), fewer where there are fewer."""
        if k < 1:
            raise UsageError(f"k is {k}: ask for one item or more")
        asked = self.space(space)
        if not approximate:
            return exact.search(asked, queries, k, allowed)
        return self._approximate(space).search(queries, k, allowed)

    def recall(self, space: str, k: int, queries: Tensor | None = None) -> np.ndarray:
        """(queries,) float64: the share of the k best that approximate search finds.

        An item as good as the last of them counts as one of them.
        """
        found = self._approximate(space)
        queries = found.asked if queries is None else queries
        mine = self.search(space, queries, k, approximate=True).scores
        best = self.search(space, queries, k).scores
        return (mine >= best[:, -1:]).double().mean(1).numpy()

    def approximated(
        self, space: str, how: Approximation, queries: Tensor | None = None
    ) -> "Index":
        """The same index with approximate search in a space, and its recall on a sample of queries;
        without any, of the items' own vectors.
        """
        asked = self.space(space)
        if not asked.everybody().any():
            raise DataError(f"no item has a vector in space {space!r}: nothing can be learned")
        if queries is None:
            queries = asked.vectors if asked.present is None else asked.vectors[asked.present]
        drawn = torch.randperm(len(queries), generator=torch.Generator().manual_seed(how.seed))
        sample = asked.queries(queries[drawn[:SAMPLE].sort().values]).cpu()
        return self.with_approximate(space, approximate.learn(asked, how, sample))

    def with_approximate(self, space: str, made: Approximate) -> "Index":
        """The same index with what was made for a space, measured."""
        both = replace(self, approximate={**self.approximate, space: made})
        k = min(RECALL_AT, int(made.space.everybody().sum()))
        told = summarize({f"recall@{RECALL_AT}.{space}": both.recall(space, k)}, made.how.seed)
        for entry in told.values():
            entry["unit"] = "mean over queries, 0..1"
        return replace(both, metrics={**self.metrics, **told})

    def _approximate(self, space: str) -> Approximate:
        self.space(space)
        if space not in self.approximate:
            raise UsageError(f"space {space!r} has no approximate search: search exactly")
        return self.approximate[space]


def build(items: pa.Table, spaces: Mapping[str, Space], model: Model) -> Index:
    """An index of a table with the column `item_id`, row by row beside the spaces' vectors."""
    if not len(items) or not spaces:
        raise DataError("an index holds one item and one space, or more")
    ids = pa.array(distinct_ids(items, ID, "items"), pa.string())
    for name, space in spaces.items():
        if not NAME.fullmatch(name):
            raise UsageError(f"space {name!r}: a name is of a-z, 0-9, _ and -, and begins with a-z")
        if len(space) != len(items):
            raise DataError(f"space {name!r} has {len(space)} vectors for {len(items)} items")
    others = [name for name in items.column_names if name != ID]
    table = pa.table([ids, *(items[name] for name in others)], names=[ID, *others])
    return Index(table, dict(spaces), model)
