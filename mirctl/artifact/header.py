"""The header of a safetensors file, checked in full.

The format's own parser lets pass what could mislead a reader: repeated or path-like names,
unknown fields, files without tensors. Here they are errors.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import torch

from mirctl.artifact.manifest import MOST_VALUES, parse_json

LARGEST = 100_000_000
_LARGEST_COUNT = 2**63 - 1
_LONGEST_NAME = 1000
_MOST_DIMENSIONS = 64
DTYPES = {
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
CODES = {str(dtype).removeprefix("torch."): code for code, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Spec:
    """One tensor of a file; `begin` and `end` count bytes from the end of the header."""

    code: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.code]

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


def read(file: IO[bytes], size: int) -> Header:
    """Read the header of a file of `size` bytes; a ValueError says what is wrong with it."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError("its header reaches beyond the end of the file")
    if length > LARGEST:
        raise ValueError(f"its header of {length} bytes is longer than {LARGEST}")
    text = file.read(length).decode("utf-8")
    if not text.startswith("{"):
        raise ValueError("its header does not begin with {")
    fields = parse_json(text.rstrip(" "), MOST_VALUES)
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


def check_name(name: str) -> None:
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
    check_name(name)
    if not isinstance(field, dict) or set(field) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r}: its fields are not dtype, shape and data_offsets")
    code, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(f"tensor {name!r}: its dtype is unknown")
    if not _are_counts(shape) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"tensor {name!r}: its shape is not valid")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"tensor {name!r}: its data_offsets are not valid")
    if math.prod(n for n in shape if n) * DTYPES[code].itemsize > _LARGEST_COUNT:
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
