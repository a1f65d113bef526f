"""safetensors files: checked before anything is mapped, and written as a stream."""

import json
import math
import mmap
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from mirctl import files, places
from mirctl.artifact import header as headers
from mirctl.artifact.header import CODES, DTYPES, Header, Spec
from mirctl.artifact.manifest import MOST_VALUES, canonical
from mirctl.errors import ArtifactError

Array = Tensor | np.ndarray


class Tensors(Mapping[str, Tensor]):
    """The tensors of one file, mapped: a read costs the pages it touches.

    A write to such a tensor stays private and never reaches the file. The map lives as long as
    any tensor taken from it, also after `close`.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with _open(self.path) as file:
            header = _checked(file, self.path)
            self._map: mmap.mmap | None = _map(file)
        self._start, self.specs, self.metadata = header.start, header.specs, header.metadata

    def __getitem__(self, name: str) -> Tensor:
        spec = self.specs[name]
        if self._map is None:
            raise ValueError(f"{self.path} is closed")
        if spec.size == 0:
            return torch.empty(spec.shape, dtype=spec.dtype)
        begin = self._start + spec.begin
        source: Any = self._map
        if begin % spec.dtype.itemsize:
            source, begin = bytearray(self._map[begin : begin + spec.size]), 0
        count = spec.size // spec.dtype.itemsize
        flat = torch.frombuffer(source, dtype=spec.dtype, count=count, offset=begin)
        return flat.view(spec.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def __enter__(self) -> "Tensors":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the map; tensors already taken stay valid."""
        self._map = None


def open_tensors(path: Path) -> Tensors:
    """Check a file, then map it."""
    return Tensors(path)


def check_tensors(path: Path) -> Header:
    """Check a file against every rule of the format and ours; an ArtifactError says which broke."""
    with _open(Path(path)) as file:
        return _checked(file, Path(path))


def _open(path: Path) -> IO[bytes]:
    with files.unreadable_is(ArtifactError, path):
        if not places.seen(path).is_file():
            problem = "is not a regular file" if path.exists() else "does not exist"
            raise ArtifactError(problem, where=str(path))
        return open(path, "rb")


def _map(file: IO[bytes]) -> mmap.mmap:
    """A private map: torch wants memory it may write to, and none of it is set aside before."""
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def _checked(file: IO[bytes], path: Path) -> Header:
    try:
        return headers.read(file, os.fstat(file.fileno()).st_size)
    except ValueError as error:
        raise ArtifactError(f"is no valid safetensors file: {error}", where=str(path)) from error


@dataclass(frozen=True)
class Kind:
    """What a tensor needs in a file."""

    code: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.shape) * DTYPES[self.code].itemsize


def kind_of(name: str, value: Array) -> Kind:
    """Type and shape of a tensor; a ValueError where it cannot be stored under this name."""
    headers.check_name(name)
    if not isinstance(value, Tensor | np.ndarray):
        raise ValueError(f"{name!r} is a {type(value).__name__}, not a tensor")
    if isinstance(value, Tensor) and (value.layout is not torch.strided or value.is_meta):
        raise ValueError(f"tensor {name!r} has no plain data")
    dtype = value.dtype.name if isinstance(value, np.ndarray) else str(value.dtype)
    code = CODES.get(dtype.removeprefix("torch."))
    if code is None:
        raise ValueError(f"tensor {name!r}: {value.dtype} cannot be stored")
    return Kind(code, tuple(value.shape))


def write_tensors(
    path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a file tensor by tensor: never more than one is copied, and equal input gives equal
    bytes in any process. A lazy mapping is read twice: once for shapes, once for the data.
    """
    try:
        kinds = {name: kind_of(name, tensors[name]) for name in tensors}
        write(path, tensors, kinds, metadata)
    except ValueError as error:
        raise ArtifactError(f"cannot be written: {error}", where=str(path)) from error


def write(
    path: Path,
    tensors: Mapping[str, Array],
    kinds: Mapping[str, Kind],
    metadata: Mapping[str, Any] | None,
) -> None:
    """Write those tensors that `kinds` names; a ValueError where they cannot be."""
    specs = _layout(kinds)
    header = _header_bytes(specs, metadata or {})
    with files.atomic_file(path) as file:
        file.write(header)
        for name, spec in specs.items():
            data = _bytes(tensors[name])
            if data.nbytes != spec.size:
                raise ValueError(f"tensor {name!r} changed while it was written")
            file.write(data)
            del data  # or it would stay while the next one is made


def _layout(kinds: Mapping[str, Kind]) -> dict[str, Spec]:
    """Where each tensor will lie: wide items first, so that all are aligned; then by name."""
    if not kinds:
        raise ValueError("there are no tensors")
    specs, end = {}, 0
    for name in sorted(kinds, key=lambda name: (-DTYPES[kinds[name].code].itemsize, name)):
        begin, end = end, end + kinds[name].size
        specs[name] = Spec(kinds[name].code, kinds[name].shape, begin, end)
    return specs


def _header_bytes(specs: Mapping[str, Spec], metadata: Mapping[str, Any]) -> bytes:
    """One metadata key: safetensors would write several in random order."""
    fields: dict[str, Any] = {"__metadata__": {"mirctl": canonical(metadata)}} if metadata else {}
    for name, spec in specs.items():
        offsets = [spec.begin, spec.end]
        fields[name] = {"dtype": spec.code, "shape": spec.shape, "data_offsets": offsets}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > headers.LARGEST or text.count(b",") > MOST_VALUES:
        raise ValueError(f"{len(specs):,} tensors are too many for one file: write several groups")
    return len(text).to_bytes(8, "little") + text


def _bytes(value: Array) -> np.ndarray:
    """The data in C order, little end first: (n_bytes,) uint8, a view where that is possible."""
    if 0 in value.shape:
        return np.empty(0, np.uint8)
    if isinstance(value, Tensor):
        plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous()
        return plain.reshape(-1).view(torch.uint8).numpy()
    little = value.astype(value.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8)
