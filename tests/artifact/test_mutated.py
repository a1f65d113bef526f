"""Files changed at random: refused, or read as the format's own library reads them.

`MIRCTL_MUTATIONS` says how many files the slow tests try together.
"""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize

from mirctl import artifact
from mirctl.errors import ArtifactError

FEW = 500
MANY = int(os.environ.get("MIRCTL_MUTATIONS", 20_000))
ODD = [
    0,
    1,
    -1,
    2**31,
    2**63,
    2**64,
    1.5,
    1e999,
    None,
    True,
    "",
    "F32",
    "F64",
    "BOOL",
    "..",
    [],
    {},
]
TENSORS = {
    "layer.weight": torch.arange(6.0).reshape(2, 3),
    "layer.bias": torch.tensor([1, -2]),
    "half": torch.tensor([[0.5]]).bfloat16(),
    "flag": torch.tensor([True, False, True]),
    "none": torch.empty(0, 4),
}


def contents(files: Path) -> dict[str, bytes]:
    return {
        path.relative_to(files).as_posix(): path.read_bytes()
        for path in sorted(files.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An artifact with all there can be, and its files."""
    out = tmp_path_factory.mktemp("mutated") / "art"
    with artifact.create(out, kind="test/model") as draft:
        draft.tensors("model", TENSORS | {"tied": TENSORS["half"]}, metadata={"note": [1, "é"]})
        draft.tensors("parts", TENSORS, shard_bytes=24)
        draft.json("metrics.json", {"auc": {"value": 0.5, "low": 0.25, "high": 0.75, "n": 4}})
        draft.text("recipe.yaml", "uses: test/run\ntrain: {lr: 1.0e-3, steps: [1, 2]}\n")
        draft.describe(inputs=[{"name": "data", "sha256": "ab" * 32, "path": "../data.csv"}])
    return out


@pytest.fixture
def copy(whole, tmp_path):
    """One that a test may change, and change back."""
    return shutil.copytree(whole, tmp_path / "art")


@st.composite
def bytes_changed(draw, content: bytes) -> bytes:
    """A few bytes flipped, a piece cut out, doubled, or put elsewhere."""
    raw = bytearray(content)
    place = st.integers(0, max(len(raw) - 1, 0))
    for _ in range(draw(st.integers(1, 3))):
        how, begin, other = (
            draw(st.sampled_from(["flip", "cut", "copy", "end"])),
            draw(place),
            draw(place),
        )
        piece = slice(begin, begin + draw(st.integers(1, 40)))
        if how == "flip" and begin < len(raw):
            raw[begin] ^= draw(st.integers(1, 255))
        elif how == "cut":
            del raw[piece]
        elif how == "copy":
            raw[other:other] = raw[piece]
        else:
            del raw[begin:]
    return bytes(raw)


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    """Paths to everything in a JSON value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(leaf for key, item in items for leaf in leaves(item, (*path, key)))]


@st.composite
def json_changed(draw, text: bytes) -> bytes:
    """One value in a JSON text replaced, removed, or given another name."""
    tree = json.loads(text)
    *above, last = draw(st.sampled_from(leaves(tree)[1:]))
    node = tree
    for key in above:
        node = node[key]
    numbers = st.integers(-4, 40)
    how = draw(st.sampled_from(["value", "value", "number", "gone", "name"]))
    if how == "value":
        node[last] = draw(st.sampled_from(ODD))
    elif how == "number":
        node[last] = draw(numbers)
    elif how == "gone" or not isinstance(node, dict):
        del node[last]
    else:
        node[draw(st.sampled_from(["", "x", "../x", "data_offsets", "__metadata__"]))] = node.pop(
            last
        )
    return json.dumps(tree).encode()


@st.composite
def header_changed(draw, content: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = draw(json_changed(content[8 : 8 + length]))
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def check_file(path: Path, content: bytes) -> None:
    """ArtifactError, or what safetensors finds in the same bytes."""
    path.write_bytes(content)
    try:
        found = artifact.open_tensors(path)
    except ArtifactError:
        return
    try:
        theirs = dict(deserialize(content))
    except SafetensorError as error:
        raise AssertionError(f"only we read it: {error}") from error
    assert found.keys() == theirs.keys()
    for name, other in theirs.items():
        assert found.specs[name].code == other["dtype"]
        assert list(found[name].shape) == other["shape"]
        assert found[name].reshape(-1).view(torch.uint8).numpy().tobytes() == bytes(other["data"])


def check_artifact(art: Path, name: str, content: bytes) -> None:
    """A changed byte is found, and whatever is read raises nothing but ArtifactErrors."""
    before = (art / name).read_bytes()
    (art / name).write_bytes(content)
    try:
        assert bool(artifact.verify(art)) == (content != before)
        with suppress(ArtifactError):
            read_all(artifact.open_artifact(art))
    finally:
        (art / name).write_bytes(before)


def read_all(art: artifact.Artifact) -> None:
    art.metrics(), art.recipe()
    for group in art.groups():
        for tensor in art.tensors(group).values():
            tensor.clone()


def mutations(count: int):
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def try_files(data: st.DataObject, whole: Path, work: Path) -> None:
    content = (whole / "model.safetensors").read_bytes()
    check_file(work / "x", data.draw(st.one_of(bytes_changed(content), header_changed(content))))


def try_artifacts(data: st.DataObject, art: Path) -> None:
    files = contents(art)
    name = data.draw(st.sampled_from(sorted(files)))
    ways = [bytes_changed(files[name])]
    ways += [json_changed(files[name])] if name.endswith("json") else []
    check_artifact(art, name, data.draw(st.one_of(ways)))


@mutations(FEW)
@given(data=st.data())
def test_a_mutated_file_is_refused_or_read_as_others_read_it(whole, tmp_path, data):
    try_files(data, whole, tmp_path)


@mutations(FEW // 5)
@given(data=st.data())
def test_verify_finds_every_change_of_any_file(copy, data):
    try_artifacts(data, copy)


def test_verify_finds_every_changed_byte(copy):
    """Of each file, bytes all over it in turn."""
    for name, content in contents(copy).items():
        for place in range(0, len(content), 1 + len(content) // 40):
            changed = bytearray(content)
            changed[place] ^= 1 + place % 255
            check_artifact(copy, name, bytes(changed))
    assert artifact.verify(copy) == []


@pytest.mark.slow
@mutations(MANY * 4 // 5)
@given(data=st.data())
def test_many_mutated_files(whole, tmp_path, data):
    try_files(data, whole, tmp_path)


@pytest.mark.slow
@mutations(MANY // 5)
@given(data=st.data())
def test_many_mutated_artifacts(copy, data):
    try_artifacts(data, copy)
