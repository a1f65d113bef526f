"""Opening, writing and verifying artifacts, and the memory that writing takes."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from measure import compare, cpu_seconds, fastest, goal, run_child
from safetensors.torch import save_file

from mirctl import artifact, console

TENSORS, RUNS = 10_000, 5
PIECES, PIECE = 16, 16 << 20
"""A gigabyte: 16 tensors of 2^24 float32."""
MEGABYTE = 1e6


class Made(Mapping):
    """A model larger than memory may be: each tensor is made when asked."""

    def __iter__(self) -> Iterator[str]:
        return iter(f"layer.{n:02}" for n in range(PIECES))

    def __len__(self) -> int:
        return PIECES

    def __getitem__(self, name: str) -> torch.Tensor:
        return torch.full((PIECE,), float(name[-2:]))


def opening(folder: Path) -> None:
    """Manifest, header and one tensor of an artifact of many."""
    with artifact.create(folder, kind="bench/many") as draft:
        draft.tensors("model", {f"layer.{n}.weight": torch.ones(4, 4) for n in range(TENSORS)})

    def work() -> None:
        artifact.open_artifact(folder).tensors("model")["layer.77.weight"].sum()

    print(f"opening an artifact of {TENSORS:,} tensors, least of {RUNS} runs")
    goal("CPU time", 1000 * min(cpu_seconds(work) for _ in range(RUNS)), "<=", 100, " ms")


def wall_seconds(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def writing(folder: Path) -> None:
    """The same gigabyte by us and by the format's own library."""
    tensors, names = dict(Made()), ("ours", "peer")
    folder.mkdir()

    def peer() -> None:
        save_file(tensors, folder / "peer")

    def durable() -> None:
        peer()
        with open(folder / "peer", "rb") as file:
            os.fsync(file.fileno())

    ours = partial(artifact.write_tensors, folder / "ours", tensors)
    size = sum(tensor.nbytes for tensor in tensors.values()) / MEGABYTE
    print(f"writing {size:.0f} MB against safetensors.torch.save_file, in turn, least of {RUNS}")
    mine, theirs = fastest(lambda: cpu_seconds(ours), lambda: cpu_seconds(peer), RUNS)
    compare(mine, theirs)
    goal("ratio of CPU time", mine / theirs, "<=", 1.2, " x")
    print("  until it is on the disk (ours always waits for that, the peer is made to)")
    mine, theirs = fastest(lambda: wall_seconds(ours), lambda: wall_seconds(durable), RUNS)
    compare(mine, theirs, "s")
    goal("ratio of time", mine / theirs, "<=", 1.2, " x")
    for name in names:
        (folder / name).unlink()


def memory(folder: Path) -> None:
    """A gigabyte that is made while it is written, in a process of its own."""
    child = run_child([sys.executable, __file__, "write", folder])
    idle = run_child([sys.executable, __file__, "idle", folder])
    if child.code or idle.code:
        sys.exit(child.err or idle.err)
    largest = PIECE * 4 / MEGABYTE
    print(f"writing an artifact of {PIECES * largest:.0f} MB from tensors made when asked")
    grown = (child.peak - idle.peak) / MEGABYTE
    goal("growth of anonymous memory", grown, "<=", largest + 64, " MB")


def write(folder: Path) -> None:
    with artifact.create(folder, kind="bench/large") as draft:
        draft.tensors("model", Made())


def verifying(folder: Path) -> None:
    """Every byte of the gigabyte against a hash of the file alone."""

    def digest() -> None:
        with open(folder / "model.safetensors", "rb") as file:
            hashlib.file_digest(file, "sha256")

    print(f"verifying it against hashlib.file_digest, in turn, least of {RUNS}")
    mine, theirs = fastest(
        lambda: cpu_seconds(lambda: artifact.verify(folder)), lambda: cpu_seconds(digest), RUNS
    )
    compare(mine, theirs)
    goal("speed, of file_digest's", theirs / mine, ">=", 0.8, " x")


def main() -> None:
    if sys.argv[1:2] == ["write"]:
        return write(Path(sys.argv[2]))
    if sys.argv[1:2] == ["idle"]:
        return torch.full((1,), 1.0).sum()
    place = Path(tempfile.gettempdir())
    if shutil.disk_usage(place).free < 4e9:
        print(f"skipped: {place} has less than 4 GB left")
        return None
    console.configure(quiet=True)
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        opening(Path(name) / "many")
        writing(Path(name) / "files")
        memory(Path(name) / "large")
        verifying(Path(name) / "large")
    return None


if __name__ == "__main__":
    main()
