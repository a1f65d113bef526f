"""safetensors files: checked in full before anything is mapped, and written as a stream.

The format's own parser lets pass what could mislead a reader: repeated or path-like names,
unknown fields, files without tensors. Here they are errors.
"""

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

from mirctl import files
from mirctl.artifact.manifest import canonical, parse_json
from mirctl.errors import ArtifactError

Array = Tensor | np.ndarray

_LARGEST_HEADER = 100_000_000
_LARGEST_COUNT = 2**63 - 1
_LONGEST_NAME = 1000
_MOST_DIMENSIONS = 64
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_CODES = {str(dtype).removeprefix("torch."): code for code, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class Spec:
    """One tensor of a file; `begin` and `end` count bytes from the end of the header."""

    code: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> torch.dtype:
        return _DTYPES[self.code]

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.begin


@dataclass(frozen=True)
class Header:
    """What a checked file holds; the data begin at byte `start`."""

    start: int
    specs: dict[str, Spec]
    metadata: dict[str, Any]


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
    if not path.is_file():
        problem = "is not a regular file" if path.exists() else "does not exist"
        raise ArtifactError(problem, where=str(path))
    return open(path, "rb")


def _map(file: IO[bytes]) -> mmap.mmap:
    """A private map: torch wants memory it may write to, and none of it is set aside before."""
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def _checked(file: IO[bytes], path: Path) -> Header:
    try:
        return _header(file, os.fstat(file.fileno()).st_size)
    except ValueError as error:
        raise ArtifactError(f"is no valid safetensors file: {error}", where=str(path)) from error


def _header(file: IO[bytes], size: int) -> Header:
    """Read the header of a file of `size` bytes; a ValueError says what is wrong with it."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError("its header reaches beyond the end of the file")
    if length > _LARGEST_HEADER:
        raise ValueError(f"its header of {length} bytes is longer than {_LARGEST_HEADER}")
    text = file.read(length).decode("utf-8")
    if not text.startswith("{"):
        raise ValueError("its header does not begin with {")
    fields = parse_json(text.rstrip(" "))
    metadata = _metadata(fields.pop("__metadata__", {}))
    specs = {name: _spec(name, field) for name, field in fields.items()}
    _check_layout(specs, size - 8 - length)
    return Header(8 + length, specs, metadata)


def _metadata(found: Any) -> dict[str, Any]:
    """Ours stands as JSON under one key; what others wrote is checked and left alone."""
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError("its metadata are not texts")
    ours = parse_json(found["mirctl"]) if "mirctl" in found else {}
    if not isinstance(ours, dict):
        raise ValueError("its metadata `mirctl` are not an object")
    return ours


def _check_name(name: str) -> None:
    """Names reach file systems and terminals: nothing in them may act there."""
    shown = ascii(name if len(name) <= 80 else name[:77] + "...")
    if not name or name == "__metadata__":
        raise ValueError(f"the tensor name {shown} is not allowed")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the tensor name {shown} is longer than {_LONGEST_NAME} characters")
    if name.startswith("/") or "\\" in name or {".", ".."} & set(name.split("/")):
        raise ValueError(f"the tensor name {shown} looks like a path")
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
        raise ValueError(f"the tensor name {shown} holds a control character")


def _spec(name: str, field: Any) -> Spec:
    _check_name(name)
    if not isinstance(field, dict) or set(field) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r}: its fields are not dtype, shape and data_offsets")
    code, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise ValueError(f"tensor {name!r}: its dtype is unknown")
    if not _are_counts(shape) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"tensor {name!r}: its shape is not valid")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"tensor {name!r}: its data_offsets are not valid")
    if math.prod(n for n in shape if n) * _DTYPES[code].itemsize > _LARGEST_COUNT:
        raise ValueError(f"tensor {name!r}: its shape overflows")
    spec = Spec(code, tuple(shape), *offsets)
    if math.prod(shape) * spec.dtype.itemsize != spec.size:
        raise ValueError(f"tensor {name!r}: {spec.size} bytes do not make {code} {spec.shape}")
    return spec


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value <= _LARGEST_COUNT for value in values
    )


def _check_layout(specs: Mapping[str, Spec], size: int) -> None:
    """The tensors fill the data exactly: no hole, no overlap, nothing after the last."""
    if not specs:
        raise ValueError("it holds no tensors")
    end = 0
    for name, spec in sorted(specs.items(), key=lambda item: (item[1].begin, item[1].end)):
        if spec.begin != end:
            fault = "overlaps another" if spec.begin < end else "leaves a hole before it"
            raise ValueError(f"tensor {name!r} {fault}")
        end = spec.end
    if end != size:
        fault = "are missing" if end > size else "belong to no tensor"
        raise ValueError(f"{abs(end - size)} bytes of data {fault}")


def write_tensors(
    path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a file tensor by tensor: never more than one is copied, and equal input gives equal
    bytes in any process. A lazy mapping is read twice: once for shapes, once for the data.
    """
    try:
        specs = layout(tensors)
        header = _header_bytes(specs, metadata or {})
    except ValueError as error:
        raise ArtifactError(f"cannot be written: {error}", where=str(path)) from error
    with files.atomic_file(path) as file:
        file.write(header)
        for name, spec in specs.items():
            data = _bytes(tensors[name])
            if data.nbytes != spec.size:
                raise ArtifactError(
                    f"tensor {name!r} changed while it was written", where=str(path)
                )
            file.write(data)
            del data  # or it would stay while the next one is made


def layout(tensors: Mapping[str, Array]) -> dict[str, Spec]:
    """Where each tensor will lie: wide items first, so that all are aligned; then by name."""
    kinds: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name in tensors:
        _check_name(name)
        kinds[name] = _kind(name, tensors[name])
    if not kinds:
        raise ValueError("there are no tensors")
    specs, end = {}, 0
    for name in sorted(kinds, key=lambda name: (-_DTYPES[kinds[name][0]].itemsize, name)):
        code, shape = kinds[name]
        begin, end = end, end + math.prod(shape) * _DTYPES[code].itemsize
        specs[name] = Spec(code, shape, begin, end)
    return specs


def _kind(name: str, value: Array) -> tuple[str, tuple[int, ...]]:
    if not isinstance(value, Tensor | np.ndarray):
        raise ValueError(f"{name!r} is a {type(value).__name__}, not a tensor")
    if isinstance(value, Tensor) and (value.layout is not torch.strided or value.is_meta):
        raise ValueError(f"tensor {name!r} has no plain data")
    dtype = value.dtype.name if isinstance(value, np.ndarray) else str(value.dtype)
    code = _CODES.get(dtype.removeprefix("torch."))
    if code is None:
        raise ValueError(f"tensor {name!r}: {value.dtype} cannot be stored")
    return code, tuple(value.shape)


def _header_bytes(specs: Mapping[str, Spec], metadata: Mapping[str, Any]) -> bytes:
    """One metadata key: safetensors would write several in random order."""
    fields: dict[str, Any] = {"__metadata__": {"mirctl": canonical(metadata)}} if metadata else {}
    for name, spec in specs.items():
        offsets = [spec.begin, spec.end]
        fields[name] = {"dtype": spec.code, "shape": spec.shape, "data_offsets": offsets}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LARGEST_HEADER:
        raise ValueError(f"{len(specs)} tensors need a header longer than {_LARGEST_HEADER} bytes")
    return len(text).to_bytes(8, "little") + text


def _bytes(value: Array) -> np.ndarray:
    """The data in C order, little end first: (n_bytes,) uint8, a view where that is possible."""
    if isinstance(value, Tensor):
        plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous()
        return plain.reshape(-1).view(torch.uint8).numpy()
    little = value.astype(value.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).reshape(-1).view(np.uint8)
