"""What an artifact holds, and where two of them differ."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mirctl import console
from mirctl.artifact.manifest import INDEX, SUFFIX
from mirctl.artifact.store import METRICS, RECIPE, Artifact, Joined, group_of, open_artifact
from mirctl.console import counted

_CHUNK = 1 << 22
_ELSEWHERE = {"created", "digest", "checksum", "files", "aliases"}


def inspect(path: Path) -> dict[str, Any]:
    """Everything the manifest says, the metrics, and the shape, type and bytes of each tensor."""
    art = open_artifact(path)
    told = art.manifest.model_dump(exclude={"files", "aliases", "checksum"}, exclude_none=True)
    groups = {name: art.tensors(name) for name in art.groups()}
    return {
        "artifact": str(path),
        **told,
        "metrics": art.metrics(),
        "tensors": {
            group: {name: _shape(tensors, name) for name in sorted(tensors)}
            for group, tensors in groups.items()
        },
        "files": {name: record.size for name, record in art.manifest.files.items()},
    }


def _shape(tensors: Joined, name: str) -> dict[str, Any]:
    spec = tensors.spec(name)
    shape = {"dtype": str(spec.dtype).removeprefix("torch."), "shape": list(spec.shape)}
    alias = {"same_as": tensors.aliases[name]} if name in tensors.aliases else {}
    return shape | {"bytes": spec.size} | alias


def _line(text: str) -> None:
    """One line of an artifact that anybody may have made."""
    console.emit(console.harmless(text))


def show_inspect(found: dict[str, Any], *, tensors: bool = False, json: bool) -> None:
    """As one document, or as lines and tables."""
    if json:
        console.document(found)
        return
    _line(f"{found['artifact']}: {found['kind']}, schema {found['schema_version']}")
    for key in ("created", "commit", "seed", "device", "digest"):
        if key in found:
            _line(f"{key}: {found[key]}")
    written = [f"{name} {version}" for name, version in found["versions"].items()]
    plugin = found.get("plugin")
    written += [f"plugin {plugin['name']} {plugin['version']}"] if plugin else []
    _line(f"written by: {', '.join(written)}")
    for key in ("inputs", "parents"):
        for item in found[key]:
            place = f" ({item['path']})" if "path" in item else ""
            _line(f"{key[:-1]} {item['name']}{place}: sha256 {item['sha256']}")
    for key, value in _flat(found["facts"]).items():
        _line(f"{key}: {value}")
    _show_metrics(found["metrics"])
    for group, members in found["tensors"].items():
        total = sum(item["bytes"] for item in members.values() if "same_as" not in item)
        _line(f"\n{group}: {counted(len(members), 'tensor')}, {console.size_text(total)}")
        if tensors:
            rows = _tensor_rows(members)
            _line(console.table(["tensor", "type", "shape", "size"], rows))


def _show_metrics(metrics: dict[str, Any]) -> None:
    """Value, interval and n of each."""
    rows = []
    for name, item in metrics.items():
        facts = item if isinstance(item, dict) else {"value": item}
        rows.append([name, *(_figure(facts.get(key)) for key in ("value", "low", "high", "n"))])
    if rows:
        _line("\n" + console.table(["metric", "value", "low", "high", "n"], rows))


def _tensor_rows(tensors: dict[str, dict[str, Any]]) -> list[list[str]]:
    rows = []
    for name, item in tensors.items():
        shape = " x ".join(map(str, item["shape"])) or "scalar"
        held = f"as {item['same_as']}" if "same_as" in item else console.size_text(item["bytes"])
        rows.append([name, item["dtype"], shape, held])
    return rows


def diff(a: Path, b: Path) -> dict[str, Any]:
    """Only what differs. Each entry has `a` and `b`, less the side that lacks it."""
    first, second = open_artifact(a), open_artifact(b)
    facts = [
        art.manifest.model_dump(exclude=_ELSEWHERE, exclude_none=True) for art in (first, second)
    ]
    found: dict[str, Any] = {
        "manifest": _changes(*facts),
        "recipe": _changes(first.recipe()[0], second.recipe()[0]),
        "metrics": _changes(first.metrics(), second.metrics()),
        "tensors": _tensor_changes(first, second),
    }
    found["files"] = _file_changes(first, second, found)
    return {"same": not any(found.values()), **found}


def _changes(a: dict[str, Any], b: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Leaves by dotted key that are not the same; two numbers also get their difference."""
    first, second = _flat(a), _flat(b)
    found = {}
    for key in sorted(first.keys() | second.keys()):
        sides = {side: flat[key] for side, flat in (("a", first), ("b", second)) if key in flat}
        if len(sides) == 2 and sides["a"] == sides["b"]:
            continue
        if len(sides) == 2 and all(type(value) in (int, float) for value in sides.values()):
            sides["change"] = sides["b"] - sides["a"]
        found[key] = sides
    return found


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for key in value for k, v in _flat(value[key], f"{prefix}{key}.").items()}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return _flat({str(number): item for number, item in enumerate(value)}, prefix)
    return {prefix.removesuffix("."): value} if prefix else {}


def _file_changes(a: Artifact, b: Artifact, found: dict[str, Any]) -> dict[str, str]:
    """Files of which no difference is told yet, but whose bytes are not the same."""
    first, second = a.manifest.files, b.manifest.files
    changes = {}
    for name in sorted(first.keys() | second.keys()):
        told = _content_changes(name, found)
        if told:
            continue
        if name not in first or name not in second:
            changes[name] = "only in b" if name not in first else "only in a"
        elif first[name].sha256 != second[name].sha256:
            changes[name] = "differs" if told is None else "other bytes, equal content"
    return changes


def _content_changes(name: str, found: dict[str, Any]) -> dict[str, Any] | None:
    """What was found to differ inside a file; None for one that is compared by its bytes alone."""
    if name in (RECIPE, METRICS):
        return found[name.partition(".")[0]]
    if name.endswith((SUFFIX, INDEX)):
        return found["tensors"].get(group_of(name), {})
    return None


def _tensor_changes(a: Artifact, b: Artifact) -> dict[str, dict[str, Any]]:
    found = {}
    for group in sorted({*a.groups(), *b.groups()}):
        sides = [art.tensors(group) if group in art.groups() else {} for art in (a, b)]
        names = sorted({name for side in sides for name in side})
        changed = {name: change for name in names if (change := _tensor_change(name, *sides))}
        if changed:
            found[group] = changed
    return found


def _tensor_change(name: str, a: Joined, b: Joined) -> dict[str, Any] | None:
    shapes = {}
    for side, tensors in (("a", a), ("b", b)):
        if name in tensors:
            spec = tensors.spec(name)
            shapes[side] = {
                "dtype": str(spec.dtype).removeprefix("torch."),
                "shape": list(spec.shape),
            }
    if len(shapes) < 2 or shapes["a"]["shape"] != shapes["b"]["shape"]:
        return shapes
    largest = largest_difference(a[name], b[name])
    if largest == 0 and shapes["a"] == shapes["b"]:
        return None
    return {**shapes, "max_abs_difference": largest}


def largest_difference(a: Tensor, b: Tensor) -> float:
    """max |a - b| of two tensors of one shape; NaN where only one of them is NaN.

    Chunk by chunk in float64, so memory does not grow with the tensors. Whole numbers beyond
    float64's are told apart, too: by their rounded difference, and by 1 where that is 0.
    """
    first, second = a.reshape(-1), b.reshape(-1)
    wide = torch.complex128 if a.is_complex() or b.is_complex() else torch.float64
    long = a.dtype == b.dtype and a.dtype in (torch.int64, torch.uint64)
    largest = torch.zeros((), dtype=torch.float64)
    for start in range(0, len(first), _CHUNK):
        p, q = first[start : start + _CHUNK], second[start : start + _CHUNK]
        x, y = p.to(wide), q.to(wide)
        same = (x == y) | (x.isnan() & y.isnan())
        gap = (x - y).abs()
        if long:
            same, gap = p.view(torch.int64) == q.view(torch.int64), gap.clamp(min=1)
        largest = torch.maximum(largest, gap.masked_fill(same, 0.0).max())
    return largest.item()


def show_diff(found: dict[str, Any], *, tensors: bool = False, json: bool) -> None:
    """As one document, or as a table of the metrics and a line for each other difference."""
    if json:
        console.document(found)
        return
    if found["same"]:
        _line("no differences")
    for part in ("manifest", "recipe"):
        for key, sides in found[part].items():
            change = f" ({sides['change']:+.4g})" if "change" in sides else ""
            before, after = sides.get("a", "(absent)"), sides.get("b", "(absent)")
            _line(f"{part} {key}: {before} -> {after}{change}")
    _show_metric_changes(found["metrics"])
    for group, members in found["tensors"].items():
        if not tensors:
            _line(f"{group}: {counted(len(members), 'tensor')} changed (--tensors lists them)")
            continue
        for name, sides in members.items():
            _line(f"tensor {group}/{name}: {_tensor_text(sides)}")
    for name, how in found["files"].items():
        _line(f"file {name}: {how}")


def _show_metric_changes(changes: dict[str, dict[str, Any]]) -> None:
    """The values; where their intervals end is in the document."""
    rows = [
        [key.removesuffix(".value"), *(_figure(sides.get(side)) for side in ("a", "b", "change"))]
        for key, sides in changes.items()
        if not key.endswith((".low", ".high"))
    ]
    if rows:
        _line(console.table(["metric", "a", "b", "change"], rows))


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)


def _tensor_text(sides: dict[str, Any]) -> str:
    texts = [
        f"{sides[side]['dtype']} {sides[side]['shape']}" if side in sides else "(absent)"
        for side in ("a", "b")
    ]
    shape = texts[0] if texts[0] == texts[1] else " -> ".join(texts)
    largest = sides.get("max_abs_difference")
    return shape if largest is None else f"{shape}, differs by up to {largest:.4g}"
