"""What a bug report needs."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mirctl import __version__, cache, console, plugins
from mirctl.diagnosis import listing

LIBRARIES = (
    "torch",
    "transformers",
    "safetensors",
    "numpy",
    "pyarrow",
    "pillow",
    "pydantic",
    "typer",
    "huggingface-hub",
    "peft",
    "accelerate",
)


def describe() -> dict[str, Any]:
    """Versions, machine, devices, cache and plugins; no user name, token or address."""
    import torch

    return {
        "mirctl": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_gib": _memory(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "cuda": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
        "cache": str(cache.root()),
        "offline": os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"),
        "plugins": {row["name"]: f"{row['distribution']} {row['version']}" for row in listing()},
        "problems": [str(problem) for problem in plugins.hooks().problems],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (ValueError, OSError):
        return None


def show(facts: dict[str, Any], *, json: bool) -> None:
    """As one document, or a line each."""
    if json:
        console.document(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        elif isinstance(value, list):
            value = "; ".join(value) or "none"
        console.emit(f"{name:<12} {value}")
