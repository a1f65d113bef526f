"""Who decided about each item, as a table."""

from pathlib import Path

from mirctl import artifact, console, files, tables
from mirctl.errors import UsageError
from mirctl_fuse.measuring import Measured


def check(path: Path | None, model: Path, *, force: bool) -> None:
    """Refuse at once to overwrite, and a model that weighs nothing."""
    if path is None:
        return
    files.refuse_to_overwrite(path, force=force)
    tree, _ = artifact.open_artifact(model).recipe()
    if tree.get("model", {}).get("fusion") == "concat":
        raise UsageError(f"--experts: the fusion of {model} weighs nothing (concat)")


def write(found: Measured, path: Path | None, *, force: bool) -> None:
    """A row an item: its id, the expert that weighs most, and all weights."""
    if path is None or found.weights is None:
        return
    rows = [
        {"item_id": name, "decides": found.experts[max(range(len(own)), key=own.__getitem__)],
         **dict(zip(found.experts, own, strict=True))}
        for name, own in zip(found.item_ids, found.weights.tolist(), strict=True)
    ]  # fmt: skip
    tables.write_rows(path, rows)
    console.say(f"{path}: the weights of {console.counted(len(rows), 'item')}")
