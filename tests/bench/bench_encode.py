"""Encoding the real MovieLens: what a first run costs, and that later ones encode only what is new.

Every run is `mirctl adapt encode` in a process of its own, on a cache that starts empty but for
the frozen models. The peer of the storage is one .npy file for each item and modality.
"""

import csv
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from measure import fetch_models, goal, mirctl, movielens, recipe_on
from PIL import Image, ImageOps

NEW = 10
MEGABYTE = 1e6


@dataclass(frozen=True)
class Encoded:
    """What one run says of itself: texts and pictures encoded, CPU seconds, and all it reports."""

    text: int
    image: int
    cpu: float
    phases: dict


def encode(data: Path, out: Path) -> Encoded:
    """Encode the catalogue in `data`."""
    command = ["adapt", "encode", *recipe_on(data), "--out", out, "--force", "--quiet", "--json"]
    child = mirctl(*command)
    towers = json.loads(child.out)["towers"]
    phases = json.loads((out / "efficiency.json").read_text())["phases"]
    calls = [towers[name]["encoded_now"] for name in ("text", "image")]
    return Encoded(*calls, child.cpu, phases)


def copy_catalogue(source: Path, target: Path) -> None:
    """A copy whose pictures are links, so that it can be changed."""
    (target / "posters").mkdir(parents=True)
    for name in ("interactions.csv", "items.csv"):
        shutil.copy(source / name, target / name)
    for poster in (source / "posters").iterdir():
        (target / "posters" / poster.name).symlink_to(poster.resolve())


def rows_of(data: Path) -> list[dict[str, str]]:
    """The items table."""
    with open(data / "items.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(data: Path, rows: list[dict[str, str]]) -> None:
    """Replace the items table."""
    with open(data / "items.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def add_items(data: Path, count: int) -> None:
    """New items: titles nobody has, pictures that are mirrored posters."""
    rows = rows_of(data)
    posters = sorted((data / "posters").iterdir())[:count]
    for n, poster in enumerate(posters):
        item = f"new{n}"
        rows.append({**rows[0], "item_id": item, "title": f"A film that was never made, part {n}"})
        with Image.open(poster) as picture:
            ImageOps.mirror(picture.convert("RGB")).save(data / "posters" / f"{item}.jpg")
    write_rows(data, rows)


def edit_title(data: Path) -> None:
    """One title changes."""
    rows = rows_of(data)
    rows[0]["title"] += " (restored)"
    write_rows(data, rows)


def bytes_in(folder: Path) -> int:
    """Sum of the sizes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_one_by_one(encoded: Path, folder: Path) -> tuple[int, int]:
    """(bytes, files) of the same states as float32 .npy files, one an item and modality."""
    from mirctl.artifact import open_tensors

    for tower in ("text", "image"):
        tensors = open_tensors(encoded / f"{tower}.safetensors")
        (folder / tower).mkdir(parents=True)
        blocks = [tensors[name] for name in sorted(tensors) if name.startswith("states")]
        for item, states in zip(tensors["items"].tolist(), chain(*blocks), strict=True):
            np.save(folder / tower / f"{item}.npy", states.float().numpy())
    return bytes_in(folder), sum(path.is_file() for path in folder.rglob("*"))


def show_speed(first: Encoded) -> None:
    """Items a second of each tower, reading and pooling included."""
    for tower, calls in (("text", first.text), ("image", first.image)):
        took = first.phases[f"encode {tower}"]
        cpu, wall = took["cpu_seconds"], took["seconds"]
        rates = f"{calls / cpu:.1f} a CPU second, {calls / wall:.1f} a second of wall time"
        print(f"  {tower}: {calls} encoded, {rates}")


def show_storage(work: Path) -> None:
    """The states cache against one file for each item."""
    ours = bytes_in(work / "cache" / "states")
    goal("states in the cache", ours / MEGABYTE, "<=", 20, " MB")
    peer, files = write_one_by_one(work / "out", work / "peer")
    print(f"  ours {ours / MEGABYTE:.3g} MB, peer {peer / MEGABYTE:.3g} MB in {files} files")
    goal("ratio", ours / peer, "<=", 0.5, " x")


def main() -> None:
    source = movielens()
    with tempfile.TemporaryDirectory(prefix="mirctl-bench-") as name:
        work = Path(name)
        os.environ["MIRCTL_CACHE"] = str(work / "cache")
        fetch_models()
        copy_catalogue(source, work / "data")
        print("encoding MovieLens with its posters, twice, then with changes")
        first = encode(work / "data", work / "out")
        show_speed(first)
        again = encode(work / "data", work / "out")
        print(f"  CPU: {first.cpu:.3g} s the first time, {again.cpu:.3g} s the second")
        goal("encoder calls of the second run", again.text + again.image, "==", 0)
        show_storage(work)
        add_items(work / "data", NEW)
        more = encode(work / "data", work / "out")
        goal(f"texts encoded with {NEW} new items", more.text, "==", NEW)
        goal(f"pictures encoded with {NEW} new items", more.image, "==", NEW)
        edit_title(work / "data")
        edited = encode(work / "data", work / "out")
        goal("items encoded after one title changed", edited.text + edited.image, "==", 1)


if __name__ == "__main__":
    main()
