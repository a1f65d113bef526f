"""Cached states on disk: immutable safetensors files of blocks, found by content key.

A file holds `keys` (rows, 32) uint8 and the states of those rows, cut into blocks `states.00000`,
`states.00001` ... (rows of the block, width) fp16, which stay memory-mapped.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirctl import cache, console
from mirctl.artifact.tensors import open_tensors, write_tensors
from mirctl.errors import RunError

MOST_FILES = 8
SMALL = 64 << 20
"""Neighbouring blocks are joined up to this many bytes when files are compacted."""


class Segments:
    """All states under one encoder's key; rows are numbered over the files in order.

    In a cache that only lets read, what is added stays in memory.
    """

    def __init__(self, key: str, what: str) -> None:
        self.entry = cache.entry("states", key, what=what)
        self.kept = not self.entry.only_reads()
        self.unkept: Mapping[str, Any] = {}
        self.damaged: set[str] = set()
        self.names: list[str] = []
        self.keys: list[np.ndarray] = []
        self.blocks: list[Tensor] = []
        with self.entry.lock() if self.kept else nullcontext():
            self.entry.keep_while(self)
            self._drop_damaged()
            self._pick_up()
        if self.names:
            self.entry.touch()

    @property
    def meta(self) -> Mapping[str, Any]:
        """`widths`, `layers` and `parameters`, once the encoder was loaded; `seconds` that
        encoding `encoded` items took, once something was."""
        return self.unkept or self.entry.read().meta

    def find(self, keys: np.ndarray) -> np.ndarray:
        """(n, 32) content keys -> (n,) row numbers, -1 where there is none."""
        if not self.keys or not len(keys):
            return np.full(len(keys), -1)
        known = np.concatenate(self.keys)
        heads = _heads(known)
        order = np.argsort(heads, kind="stable")
        at = np.searchsorted(heads[order], _heads(keys)).clip(max=len(known) - 1)
        rows = order[at]
        return np.where((known[rows] == keys).all(1), rows, -1)

    def describe(self, meta: Mapping[str, Any]) -> None:
        """Record `widths` and `layers` of an encoder that had nothing to encode."""
        self.unkept = {} if self.kept else meta
        if self.kept:
            self.entry.commit(meta=dict(meta))

    def add(
        self, keys: np.ndarray, states: Tensor, meta: Mapping[str, Any], seconds: float
    ) -> None:
        """Commit new rows: keys (n, 32), states (n, width) fp16, and what encoding them took.
        Others' new files come along."""
        if not self.kept:
            if not self.unkept:
                console.warn(f"{self.entry.folder} only lets read: new states are not kept")
            self.keys.append(keys)
            self.blocks.append(states)
            self.unkept = meta
            return
        name = f"{hashlib.sha256(keys.tobytes()).hexdigest()[:16]}.safetensors"
        content = {"keys": torch.from_numpy(keys), "states.00000": states}
        with self.entry.lock():
            known = self.entry.read()
            if name not in known.files:
                write_tensors(self.entry.folder / name, content)
                spent = {"seconds": seconds, "encoded": len(keys)}
                spent = {key: known.meta.get(key, 0) + value for key, value in spent.items()}
                self.entry.commit(add=(name,), meta={**meta, **spent})
            self._pick_up()

    def compact(self) -> None:
        """Join many files into one, block by block; a disk too full for that leaves them be."""
        if len(self.names) <= MOST_FILES or not self.kept:
            return
        with self.entry.lock():
            self._pick_up()
            keys = np.concatenate(self.keys)
            old = tuple(self.names)
            name = f"{hashlib.sha256(keys.tobytes()).hexdigest()[:16]}.safetensors"
            try:
                write_tensors(self.entry.folder / name, Joined(keys, self.blocks))
            except RunError as error:
                console.warn(f"the cached states stay in {len(self.names)} files: {error}")
                return
            self.entry.commit(add=(name,), drop=old)
            self.names, self.keys, self.blocks = [], [], []
            self._pick_up()

    def _pick_up(self) -> None:
        """Map the files that are recorded but not open yet; start anew if another compacted."""
        recorded = self.entry.read().files.keys()
        if set(self.names) - recorded:
            self.names, self.keys, self.blocks = [], [], []
        for name in sorted(recorded - {*self.names, *self.damaged}):
            tensors = open_tensors(self.entry.folder / name)
            self.names.append(name)
            self.keys.append(tensors["keys"].numpy())
            self.blocks += [tensors[n] for n in sorted(tensors) if n.startswith("states.")]

    def _drop_damaged(self) -> None:
        recorded = self.entry.read().files
        if damaged := [name for name in self.entry.damaged() if name in recorded]:
            what = f"{len(damaged)} cached files of {self.entry.what} are damaged"
            console.warn(f"{what}: encoding their items again")
            if self.kept:
                self.entry.commit(drop=damaged)
            else:
                self.damaged = set(damaged)


def gather(blocks: Sequence[Tensor], rows: np.ndarray) -> Tensor:
    """Rows (n,) of the blocks laid end to end, zeros for -1: (n, width) fp16."""
    starts = np.array([0, *accumulate(len(block) for block in blocks)])
    out = torch.zeros(len(rows), blocks[0].shape[1] if blocks else 0, dtype=torch.float16)
    owner = np.searchsorted(starts, rows, side="right") - 1
    for n in np.unique(owner[rows >= 0]):
        where = np.flatnonzero(owner == n)
        out[torch.from_numpy(where)] = blocks[n][torch.from_numpy(rows[where] - starts[n])]
    return out


def _heads(keys: np.ndarray) -> np.ndarray:
    """The first 8 bytes of each key as a number: enough to sort by."""
    return np.ascontiguousarray(keys[:, :8]).view("<u8")[:, 0]


class Joined(Mapping[str, Tensor]):
    """The content of one file out of many blocks; small neighbours are joined when asked for."""

    def __init__(self, keys: np.ndarray, blocks: Sequence[Tensor]) -> None:
        self.all_keys = torch.from_numpy(keys)
        self.groups = {f"states.{n:05}": group for n, group in enumerate(_groups(blocks))}

    def __getitem__(self, name: str) -> Tensor:
        if name == "keys":
            return self.all_keys
        group = self.groups[name]
        return group[0] if len(group) == 1 else torch.cat(group)

    def __iter__(self) -> Iterator[str]:
        return iter(("keys", *self.groups))

    def __len__(self) -> int:
        return 1 + len(self.groups)


def _groups(blocks: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours that are small together."""
    group: list[Tensor] = []
    size = 0
    for block in blocks:
        if group and size + block.nbytes > SMALL:
            yield group
            group, size = [], 0
        group.append(block)
        size += block.nbytes
    if group:
        yield group
