"""Numba where it is installed. Everything else that a measure does is one source for both."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

try:
    from numba import njit
except ImportError:
    njit = None

COMPILED = njit is not None
P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Machine code, kept on disk for the next run, that runs beside other threads.

    What is kept is renewed when the function's own file changes: it calls no compiled function of
    another one, whose old code would stay in it.
    """
    if njit is None:
        return function
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no folder that a cache could be written to
        return njit(nogil=True)(function)


def either(loops: Callable[P, R], arrays: Callable[P, R]) -> Callable[P, R]:
    """Of two forms of one recurrence the one that is fast here: loops need a compiler."""
    return compiled(loops) if COMPILED else arrays
