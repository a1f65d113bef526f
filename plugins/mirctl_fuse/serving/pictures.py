"""Pictures of the items: only what stands in their folder, and only as a small picture."""

import io
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from PIL import Image

from mirctl import console
from mirctl.data import images, microlens
from mirctl.data.config import DataConfig
from mirctl.data.items import text_values
from mirctl.encode.pictures import open_picture
from mirctl.errors import MirctlError
from mirctl_fuse.index import Index
from mirctl_fuse.retrieval.config import PairData

SIDE = 320
KEPT = 1000


def of_items(index: Index, data: DataConfig | PairData, folder: Path | None) -> dict[str, Path]:
    """Item id -> file, of those that the model's recipe, or `folder`, has a picture of."""
    try:
        found = _files(index, data, folder)
    except MirctlError as error:
        if folder is not None:
            raise
        console.warn(f"no pictures will be shown: {error}; name their folder with --images")
        return {}
    return {name: path for name, path in zip(index.ids, found, strict=True) if path is not None}


def _files(index: Index, data: DataConfig | PairData, folder: Path | None) -> list[Path | None]:
    nothing: list[Path | None] = [None] * len(index)
    if folder is None and isinstance(data, DataConfig) and data.microlens is not None:
        return microlens.covers(data.microlens, index.ids) or nothing
    column, folder = data.columns.image, folder or data.images
    if column is not None and column in index.items.column_names:
        folder = folder or (data.items.parent if data.items else Path())
        names = text_values(index.items, column, "the index")
        files, _ = images.by_column(folder, [name and _inside(name) for name in names])
        return files
    return images.by_id(folder, index.ids, images.PICTURES) if folder else nothing


def _inside(name: str) -> str | None:
    """A name, unless it leads out of its folder."""
    plain = os.path.normpath(name)
    leads_out = os.path.isabs(plain) or plain.split(os.sep)[0] == os.pardir
    return None if leads_out else plain


def small(files: Mapping[str, Path], item: str) -> bytes | None:
    """An item's picture as JPEG; None where there is none that can be read."""
    path = files.get(item)
    if path is None:
        return None
    try:
        return _small(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(KEPT)
def _small(path: Path, changed: int) -> bytes | None:
    found = open_picture(path)
    if isinstance(found, str):
        return None
    found.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    found.save(content, "JPEG", quality=85)
    return content.getvalue()
