"""Packages that are needed for some methods only."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from mirctl.errors import MissingError

EXTRA = "'mirctl[impute]'"
INSTALL = {
    "sklearn": EXTRA,
    "pandas": EXTRA,
    "matplotlib": EXTRA,
    "ctgan": "ctgan",
    "miceforest": "miceforest lightgbm==4.5.0",
    "lightgbm": "lightgbm==4.5.0",
    "hyperimpute": "hyperimpute",
}
"""Package -> what pip is told. miceforest 6.0.5 fails with newer versions of lightgbm."""


def require(modules: Iterable[str], what: str) -> None:
    """Raise a MissingError, with the line that helps, where a module's package is not installed."""
    for package in dict.fromkeys(module.partition(".")[0] for module in modules):
        if find_spec(package) is None:
            raise MissingError(
                f"{what} needs {package}, which is not installed: pip install {INSTALL[package]}"
            )


def load(modules: Iterable[str]) -> None:
    """Import them, so that the time it takes is not a method's."""
    for module in modules:
        import_module(module)
