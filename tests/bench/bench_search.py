"""Search among 50,000 items: exact beside a flat index of faiss, approximate beside exact.

1,000 queries for their 10 best, vectors of 64 numbers in 500 clusters, one thread. Single queries
are told as what nine and 99 in a hundred take at most, by the wall clock; the rest in CPU seconds.
"""

import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import torch
from measure import compare, cpu_seconds, fastest, goal
from torch import Tensor

from mirctl_fuse.index import Approximation, Index, Model, Space, build, open_index, write

ITEMS, QUERIES, WIDTH, CLUSTERS, K = 50_000, 1_000, 64, 500, 10
RUNS, SEED = 7, 5
WAYS = [
    Approximation(kind="ivf", effort=4, seed=SEED),
    Approximation(kind="ivf", effort=8, seed=SEED),
    Approximation(kind="hnsw", effort=16, seed=SEED),
    Approximation(kind="hnsw", effort=32, seed=SEED),
]


def clustered() -> tuple[Tensor, Tensor]:
    """Items and queries around the same centers, as a trained model makes them."""
    rng = np.random.default_rng(SEED)
    centers = rng.normal(size=(CLUSTERS, WIDTH))

    def near(count: int) -> Tensor:
        noise = 0.3 * rng.normal(size=(count, WIDTH))
        points = centers[rng.integers(CLUSTERS, size=count)] + noise
        return torch.tensor(points, dtype=torch.float32)

    return near(ITEMS), near(QUERIES)


def single(index: Index, queries: Tensor, *, approximate: bool) -> str:
    """Milliseconds of one query: p50 and p99."""
    took = []
    for query in queries.split(1):
        begin = time.perf_counter()
        index.search("item", query, K, approximate=approximate)
        took.append(1000 * (time.perf_counter() - begin))
    p50, p99 = np.percentile(took, [50, 99])
    return f"one query: p50 {p50:.3f} ms, p99 {p99:.3f} ms"


def flat(index: Index, queries: Tensor) -> None:
    peer = faiss.IndexFlatIP(WIDTH)
    peer.add(index.spaces["item"].vectors.numpy())
    asked = queries.numpy()
    theirs, mine = peer.search(asked, K)[1], index.search("item", queries, K).items.numpy()
    print(f"exact, beside faiss' flat index (the same items: {(theirs == mine).mean():.4%})")
    ours, others = fastest(
        lambda: cpu_seconds(lambda: index.search("item", queries, K)),
        lambda: cpu_seconds(lambda: peer.search(asked, K)),
        RUNS,
    )
    compare(ours, others)
    goal("share of the peer's time", ours / others, "<=", 0.8)
    print(f"  {single(index, queries, approximate=False)}")


def learned(index: Index, how: Approximation, queries: Tensor) -> Index:
    begin = time.process_time()
    made = index.approximated("item", how, queries)
    built = time.process_time() - begin
    recall = made.recall("item", K, queries).mean()
    print(f"{how.kind}, effort {how.effort}: learned and measured in {built:.2f} s CPU")
    goal(f"recall@{K}", recall, ">=", 0.99)
    ours, others = fastest(
        lambda: cpu_seconds(lambda: made.search("item", queries, K, approximate=True)),
        lambda: cpu_seconds(lambda: made.search("item", queries, K)),
        RUNS,
    )
    print(f"  ours {ours:.4g} s CPU, exact {others:.4g} s CPU")
    goal("ratio", others / ours, ">=", 4, " x")
    print(f"  {single(made, queries, approximate=True)}")
    return made


def opened(index: Index, folder: Path) -> None:
    write(index, folder)
    took = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        open_index(folder)
        took.append(1000 * (time.perf_counter() - begin))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    kinds = ", ".join(made.how.kind for made in index.approximate.values()) or "exact"
    print(f"opening ({kinds}; {size / 2**20:.1f} MiB): first {took[0]:.0f} ms")
    goal("median", float(np.median(took)), "<=", 100, " ms")


def main() -> None:
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    vectors, queries = clustered()
    ids = pa.table({"item_id": [f"item {row}" for row in range(ITEMS)]})
    index = build(ids, {"item": Space.of(vectors)}, Model("0" * 64))
    print(f"{ITEMS:,} x {WIDTH}, {QUERIES:,} queries, {K} best, one thread")
    flat(index, queries)
    with tempfile.TemporaryDirectory() as place:
        opened(index, Path(place) / "exact")
        for how in WAYS:
            made = learned(index, how, queries)
            opened(made, Path(place) / f"{how.kind}-{how.effort}")


if __name__ == "__main__":
    main()
