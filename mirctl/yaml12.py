"""YAML as its 1.2 core schema reads it, strict where PyYAML is not, with the place of every key.

PyYAML reads `no` as False, `010` as 8 and `12:30` as 750, keeps the last of two equal keys, and
builds objects from tags. Here those are strings or decimal numbers, or errors with line and column.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from mirctl import console
from mirctl.errors import UsageError

MAX_ANCHORS = 100
MAX_VALUES = 100_000
MAX_TEXT = 500_000
"""Characters: PyYAML takes a second for a million."""
MAX_DEPTH = 50
"""PyYAML takes minutes for a hundred thousand brackets."""
_CORE = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), [*"~nN", ""]),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    "float": (
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+0123456789."),
    ),
}
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, list]] = {}


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: ClassVar[dict[str, list]] = {}

    def ignore_aliases(self, data: object) -> bool:
        return True


for _name, (_pattern, _first) in _CORE.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_TAG + _name, _pattern, _first)

Marks = dict[str, tuple[int, int]]


@dataclass
class _Builder:
    """Turns composed nodes into plain values and remembers where each dotted key stands."""

    source: str
    marks: Marks = field(default_factory=dict)
    values: int = 0
    open: set[int] = field(default_factory=set)

    def fail(self, node: yaml.Node, message: str) -> UsageError:
        mark = node.start_mark
        return UsageError(message, where=f"{self.source}:{mark.line + 1}:{mark.column + 1}")

    def build(self, node: yaml.Node, key: str) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self.fail(node, f"more than {MAX_VALUES:,} values: this is no recipe")
        if id(node) in self.open:
            raise self.fail(node, "an alias that contains itself")
        self.marks.setdefault(key, (node.start_mark.line + 1, node.start_mark.column + 1))
        self.open.add(id(node))
        try:
            return self._kind(node, key)
        finally:
            self.open.discard(id(node))

    def _kind(self, node: yaml.Node, key: str) -> Any:
        tag = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and tag == "map":
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode) and tag == "seq":
            return [
                self.build(item, f"{key}.{i}" if key else str(i))
                for i, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.ScalarNode) and tag in (*_CORE, "str"):
            return self._scalar(node, tag)
        raise self.fail(node, f"the tag {node.tag!r}: tags are not allowed in a recipe")

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode) or name_node.tag != _TAG + "str":
                raise self.fail(name_node, "a key that is no plain word: put it in quotes")
            name = self._scalar(name_node, "str")
            if name in mapping:
                raise self.fail(name_node, f"the key {name!r} stands here a second time")
            path = f"{key}.{name}" if key else name
            self.marks[path] = (name_node.start_mark.line + 1, name_node.start_mark.column + 1)
            mapping[name] = self.build(value_node, path)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, tag: str) -> Any:
        text = node.value
        if not is_unicode(text):
            raise self.fail(node, f"{text!a} holds half a character")
        if tag == "str":
            return text
        if not _CORE[tag][0].match(text):
            raise self.fail(node, f"{text!r} is no {tag}")
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return (
                int(text, {"0o": 8, "0x": 16}.get(text[:2].lower(), 10))
                if len(text) < 400
                else text
            )
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if not math.isfinite(number):
            raise self.fail(node, f"{text} is not a finite number")
        return number


def _refuse_excess(text: str, source: str) -> None:
    """Raise a UsageError for what would take the parser, or who walks the tree, too far."""
    if len(text) > MAX_TEXT:
        raise UsageError(f"longer than {MAX_TEXT:,} characters: this is no recipe", where=source)
    anchors = depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        anchors += getattr(event, "anchor", None) is not None
        values += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if anchors > MAX_ANCHORS:
            raise UsageError(f"more than {MAX_ANCHORS} anchors and aliases", where=source)
        if values > 2 * MAX_VALUES:  # a key is one, too
            raise UsageError(f"more than {MAX_VALUES:,} values: this is no recipe", where=source)
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise UsageError(f"nested more than {MAX_DEPTH} deep", where=f"{source}:{line}")


def is_unicode(text: str) -> bool:
    """Can it be written as UTF-8? Half characters, and bytes of odd file names, cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def load(text: str, source: str) -> tuple[Any, Marks]:
    """The value in a YAML document, and (line, column) of each dotted key, both from 1."""
    try:
        _refuse_excess(text, source)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise UsageError(f"not YAML: {error.problem or error.context}", where=where) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"not YAML: {str(error).splitlines()[0]}", where=source) from error
    if node is None:
        return None, {}
    builder = _Builder(source)
    return builder.build(node, ""), builder.marks


def load_value(text: str) -> Any:
    """The value on the right of key=value; what is no YAML is a plain string."""
    if text == "-":
        return text  # YAML would make a list of it
    try:
        return load(text, "value")[0]
    except UsageError:
        if text[:1] in "[{!&*":
            raise
        return text


def dump(value: Any) -> str:
    """YAML that `load` reads back as the same value, and that does not act on a terminal."""
    shape: dict[str, Any] = {"Dumper": _Dumper, "sort_keys": False, "width": 100}
    text = yaml.dump(value, allow_unicode=True, **shape)
    return text if console.harmless(text) == text else yaml.dump(value, **shape)
