"""The card of an artifact: README.md, Markdown below the YAML that model hubs read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from mirctl import console
from mirctl.artifact.store import Artifact

FILE = "README.md"
_MOST_ROWS = 100
_MARK = "---\n"


@dataclass(frozen=True)
class Words:
    """What only its maker can say of an artifact, in Markdown; the rest is in the manifest."""

    title: str
    about: str = ""
    quality: str = ""
    """How the metrics were measured; stands above their table."""
    use: str = ""
    """Command lines, one a line; FOLDER is the artifact."""
    notes: str = ""
    """Sections after all others."""
    models: Sequence[str] = ()
    """The frozen models it stands on; those of the hub are named to the hub."""


def card(art: Artifact) -> str:
    """The artifact's README.md; what that lacks, or all of it, is made from the manifest."""
    fields = art.manifest.model_dump(exclude_none=True)
    if FILE not in art.manifest.files:
        return written(_default(fields), fields, art.metrics())
    text = art.text(FILE)
    return text if text.startswith(_MARK) else _front(fields, art.metrics(), ()) + text


def written(words: Words, fields: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The whole card; `fields` are the manifest's, which at the time need no files yet."""
    parts = [f"# {words.title}", words.about, *_quality(words.quality, metrics)]
    if words.use:
        parts += ["## Use", f"```\n{words.use.strip()}\n```"]
    parts += [*_sources(fields), *_made_with(fields), words.notes]
    body = "\n\n".join(part.strip() for part in parts if part.strip())
    return f"{_front(fields, metrics, words.models)}{body}\n"


def cell(text: object) -> str:
    """A text as one cell of a table: nothing in it ends the cell or is taken for markup."""
    whole = str(text).encode(errors="backslashreplace").decode()
    shown = console.harmless(" ".join(whole.split()))
    for mark in "\\`*_|<>[]":
        shown = shown.replace(mark, f"\\{mark}")
    return shown


def code(text: str) -> str:
    """A text as it may stand between two backticks."""
    return console.harmless(" ".join(text.split())).replace("`", "'")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table of texts that may come from anywhere; long ones are cut, and say so."""
    every = list(rows)
    shown = [[cell(text) for text in row] for row in every[:_MOST_ROWS]]
    lines = [columns, ["---"] * len(columns), *shown]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = len(every) - _MOST_ROWS
    return f"{text}\n\n... and {more:,} more." if more > 0 else text


def _default(fields: Mapping[str, Any]) -> Words:
    kind = fields["kind"]
    return Words(
        title=f"An artifact of kind {cell(kind)}",
        about="Made by `mirctl`; `manifest.json` says how, and lists the sha256 of every file.",
        use="mirctl artifact verify FOLDER\nmirctl artifact inspect FOLDER",
    )


def _front(fields: Mapping[str, Any], metrics: Mapping[str, Any], models: Sequence[str]) -> str:
    """The YAML between two lines of dashes; a licence only where the manifest names one."""
    plugin = fields.get("plugin")
    told: dict[str, Any] = {"library_name": "mirctl"}
    if isinstance(licence := fields.get("facts", {}).get("license"), str):
        told["license"] = licence
    if named := [name.partition("@")[0] for name in models if _is_of_the_hub(name)]:
        told["base_model"] = named
    told["tags"] = ["mirctl", *([plugin["name"]] if plugin else []), fields["kind"]]
    if names := _shown(metrics):
        told["metrics"] = names[:_MOST_ROWS]
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
    if console.harmless(text) != text:  # it would turn the direction of what is shown
        text = yaml.safe_dump(told, sort_keys=False)
    return f"{_MARK}{text}{_MARK}\n"


def _is_of_the_hub(name: str) -> bool:
    return name.count("/") == 1 and ":" not in name and name[0] not in "./~"


def _shown(metrics: Mapping[str, Any]) -> list[str]:
    """Names of the metrics over everything; `name/group` is one of a part."""
    return [name for name in metrics if "/" not in name] or list(metrics)


def _quality(words: str, metrics: Mapping[str, Any]) -> list[str]:
    if not metrics:
        return []
    rows = [(name, *_figures(metrics[name])) for name in _shown(metrics)]
    return ["## Quality", words, table(["metric", "value", "95 % interval", "n"], rows)]


def _figures(found: Any) -> tuple[str, str, str]:
    """Value, interval and number of cases."""
    facts = found if isinstance(found, dict) else {"value": found}
    low, high = (_figure(facts.get(end)) for end in ("low", "high"))
    interval = f"{low} to {high}" if low and high else ""
    return _figure(facts.get("value")) or "undefined", interval, _figure(facts.get("n"))


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)


def _sources(fields: Mapping[str, Any]) -> list[str]:
    """What it was made from, by content: paths are the maker's own."""
    rows = [
        (what, item["name"], item["sha256"])
        for key, what in (("inputs", "input"), ("parents", "artifact"))
        for item in fields.get(key, [])
    ]
    return ["## Made from", table(["", "name", "sha256"], rows)] if rows else []


def _made_with(fields: Mapping[str, Any]) -> list[str]:
    versions = [f"{name} {version}" for name, version in fields.get("versions", {}).items()]
    if plugin := fields.get("plugin"):
        versions.append(f"plugin {plugin['name']} {plugin['version']}")
    told = [f"seed {fields['seed']}"] if "seed" in fields else []
    told += [f"device {fields['device']}"] if "device" in fields else []
    told += [f"commit {fields['commit']}"] if fields.get("commit") else []
    text = "; ".join(part for part in (", ".join(versions), *told) if part)
    return ["## Made with", cell(text)] if text else []
