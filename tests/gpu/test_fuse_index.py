"""Exact search with the vectors on CUDA: the CPU's answers, and how fast."""

import os
import time

import pytest
import torch

from mirctl_fuse.index import Space, exact

DEVICE = os.environ.get("MIRCTL_TEST_DEVICE", "cuda")
"""`cpu` runs these tests where no CUDA device is, to see that they run."""
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device here"
    ),
]
ITEMS, QUERIES = 200_000, 1_000


def seconds(space, queries):
    exact.search(space, queries[:1], 10)
    begin = time.perf_counter()
    exact.search(space, queries, 10)
    return time.perf_counter() - begin


def test_answers_are_the_cpu_s_to_the_bit(capsys):
    here = Space.of(torch.randn(ITEMS, 64).repeat(2, 1)[: ITEMS + 7])
    there = Space(here.vectors.to(DEVICE))
    queries = torch.randn(QUERIES, 64)
    allowed = torch.arange(len(here)) % 3 > 0
    for filtered in (None, allowed):
        expected = exact.search(here, queries[:200], 10, filtered)
        found = exact.search(there, queries[:200], 10, filtered)
        assert torch.equal(found.items, expected.items)
        assert torch.equal(found.scores, expected.scores)
    slow, fast = seconds(here, queries), seconds(there, queries)
    with capsys.disabled():
        print(f"\n{QUERIES} queries of {len(here)} items: {DEVICE} {slow / fast:.1f} x the CPU")  # noqa: T201
