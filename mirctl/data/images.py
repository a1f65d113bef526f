"""Pictures, sounds and films of items: found by one look at a folder, never one by one."""

import os
from collections.abc import Sequence
from pathlib import Path

from mirctl.errors import DataError

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SOUNDS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg")
FILMS = (".mp4", ".mkv", ".webm", ".avi", ".mov")


def by_id(folder: Path, ids: Sequence[str], suffixes: tuple[str, ...]) -> list[Path | None]:
    """The file named by each item's id, with any of the suffixes in any case."""
    found = by_stem(folder, suffixes)
    files = [found.get(name) for name in ids]
    if found and not any(files):
        example = next(iter(found.values())).name
        raise DataError(
            f"none of its files ({len(found):,}) is named by an item id, as in "
            f"{ids[0]}{suffixes[0]} (there is {example!r}); where a column of the items names "
            "them, set columns.image",
            where=str(folder),
        )
    if not found:
        raise DataError(f"holds no file that ends in {', '.join(suffixes)}", where=str(folder))
    return files


def by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Stem -> file; of two with one stem, the first by name. A folder of one folder is opened."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name, _is_folder(entry)) for entry in entries)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError("no such folder", where=str(folder)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(folder)) from error
    if len(names) == 1 and names[0][1]:
        return by_stem(folder / names[0][0], suffixes)
    found: dict[str, Path] = {}
    for name, is_folder in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in suffixes and not is_folder:
            found.setdefault(stem, folder / name)
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles, or where nobody may look
        return False


def by_column(folder: Path, names: Sequence[str | None]) -> tuple[list[Path | None], list[str]]:
    """The file each item names, relative to `folder`; and the named files that are not there."""
    listings: dict[str, set[str]] = {}
    files: list[Path | None] = []
    lost = []
    for name in names:
        path = folder / name if name else None
        if path is not None and path.name not in _names_in(str(path.parent), listings):
            lost.append(name)
            path = None
        files.append(path)
    if lost and not any(files):
        raise DataError(
            f"none of the pictures ({len(lost):,}) that the items name is there, such as "
            f"{lost[0]!r}: name their folder with data.images (--images)",
            where=str(folder),
        )
    return files, lost


def _names_in(folder: str, listings: dict[str, set[str]]) -> set[str]:
    if folder not in listings:
        try:
            listings[folder] = set(os.listdir(folder))
        except (OSError, ValueError):  # a name may hold a zero byte
            listings[folder] = set()
    return listings[folder]
