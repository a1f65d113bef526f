"""Search among items: exact by default, approximate by faiss, over one or several spaces."""

from mirctl_fuse.index.approximate import Approximation
from mirctl_fuse.index.changing import add, remove
from mirctl_fuse.index.fusing import rrf
from mirctl_fuse.index.index import Index, Model, build
from mirctl_fuse.index.opening import open_index
from mirctl_fuse.index.saving import KIND, SCHEMA, fill, write
from mirctl_fuse.index.space import Found, Space

__all__ = [
    "KIND",
    "SCHEMA",
    "Approximation",
    "Found",
    "Index",
    "Model",
    "Space",
    "add",
    "build",
    "fill",
    "open_index",
    "remove",
    "rrf",
    "write",
]
