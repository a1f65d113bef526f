"""Which files of a model's folder count, whether they are all there, and their digest."""

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from mirctl import cache, files, places
from mirctl.errors import MissingError

WEIGHTS = ("model*.safetensors", "model.safetensors.index.json")
PATTERNS = (
    *WEIGHTS,
    "config.json",
    "tokenizer*.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece*.model",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
)
SPEAKING = (
    "generation_config.json", "chat_template.json", "chat_template.jinja",
)  # fmt: skip
"""What changes the texts that a model writes, and no hidden state."""
ADAPTER = "adapter_config.json"


class NotFetched(MissingError):
    """The model is not on this disk, and nobody allowed to fetch it."""


def counts(name: str) -> bool:
    """Does a file of this name take part in what the model computes?"""
    return any(fnmatch(name, pattern) for pattern in PATTERNS)


def model_files(folder: Path) -> list[Path]:
    """The files that count; in a folder without a config those are its .pth."""
    if not is_transformers(folder):
        return sorted(folder.glob("*.pth"))
    return sorted(path for path in folder.iterdir() if path.is_file() and counts(path.name))


def speaking_files(folder: Path) -> list[Path]:
    """Those that count for the texts alone."""
    return [folder / name for name in SPEAKING if (folder / name).is_file()]


def is_transformers(folder: Path) -> bool:
    """Is it a Hugging Face model, as opposed to a .pth?"""
    return places.seen(folder / "config.json").is_file()


def check(folder: Path, name: str) -> None:
    """Raise a MissingError that says what a model's folder lacks."""
    if not is_transformers(folder):
        if not list(folder.glob("*.pth")):
            reason = "has no config.json: save the model there with save_pretrained()"
            raise MissingError(f"model {name!r} {reason}", where=str(folder))
        return
    if (folder / ADAPTER).is_file():
        # transformers would read its weights, too, and the base that it names instead of this one.
        raise MissingError(
            f"model {name!r} has {ADAPTER}: merge the adapter into the model, and save that",
            where=str(folder),
        )
    if missing := [shard for shard in _shards(folder) if not (folder / shard).is_file()]:
        lacks = f"model {name!r} lacks {missing[0]}"
        if list(folder.glob("*.bin")):
            lacks += ", and its .bin is a pickle, which may run code: save it as safetensors first"
        raise MissingError(lacks, where=str(folder))


def _shards(folder: Path) -> list[str]:
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not index.is_file():
        return ["model.safetensors"]
    try:
        shards = sorted(set(files.json_value(index.read_bytes())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MissingError(
            "is no index of weights: fetch the model again", where=str(index)
        ) from error
    if outside := [shard for shard in shards if not fnmatch(shard, WEIGHTS[0]) or "/" in shard]:
        raise MissingError(f"names weights outside the model: {outside[0]!r}", where=str(index))
    return shards


def hashes(folder: Path, *, speaking: bool = False) -> dict[str, str]:
    """sha256 of each file that counts, with `speaking` also of those that count for its texts;
    files that did not change since last time are not read."""
    more = speaking_files(folder) if speaking else []
    with cache.remembered() as known:
        return {path.name: known.sha256(path) for path in [*model_files(folder), *more]}


def digest(folder: Path, *, speaking: bool = False) -> str:
    """One sha256 over the names and contents of all files that count."""
    found = hashes(folder, speaking=speaking)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
