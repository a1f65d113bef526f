"""Raw items -> content keys: what is equal is encoded once, what changed is encoded again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirctl import cache, console

RawItem = str | Path | None
"""A text, the file of a picture, a sound or a film, or nothing."""
KEY = 32
"""Bytes of a key: a sha256."""


@dataclass
class Contents:
    """Keys (items, 32) uint8 of all items, zeros where `reasons` names why there is none."""

    keys: np.ndarray
    reasons: dict[int, str]

    @property
    def digest(self) -> str:
        """sha256 over all keys in order: another text or file anywhere gives another one."""
        return hashlib.sha256(self.keys.tobytes()).hexdigest()

    @property
    def present(self) -> np.ndarray:
        """(items,) bool."""
        mask = np.ones(len(self.keys), bool)
        mask[list(self.reasons)] = False
        return mask


def read(items: Sequence[RawItem], modality: str) -> Contents:
    """Digest every item; missing ones get a reason instead."""
    keys = np.zeros((len(items), KEY), np.uint8)
    reasons = {}
    with (
        cache.remembered() as known,
        console.progress(f"hashing each {modality}", len(items)) as advance,
    ):
        for n, item in enumerate(items):
            found = _text_key(item) if modality == "text" else file_key(item, known, modality)
            if isinstance(found, bytes):
                keys[n] = np.frombuffer(found, np.uint8)
            else:
                reasons[n] = found
            advance(1)
    return Contents(keys, reasons)


def _text_key(item: RawItem) -> bytes | str:
    text = str(item) if item is not None else ""
    if not text.strip():
        return "no text"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def file_key(item: RawItem, known: cache.Hashes, modality: str) -> bytes | str:
    """The key of a file, or the reason why there is none."""
    if item is None:
        return f"no {modality}"
    path = Path(item)
    try:
        if path.stat().st_size == 0:
            return "empty file"
        return bytes.fromhex(known.sha256(path))
    except FileNotFoundError:
        return "missing file"
    except IsADirectoryError:
        return "not a video" if modality == "video" else f"not an {modality}"
    except OSError:
        return "unreadable file"
