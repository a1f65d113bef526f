"""Files changed at random: refused, or read as the format's own library reads them.

Each test changes one kind of file; `MIRCTL_MUTATIONS` says how many of each the slow tests try.
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize

from mirctl import artifact
from mirctl.artifact import manifest as manifests
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


def bytes_changed(rng: Random, content: bytes) -> bytes:
    """A few bytes flipped, or a piece cut out, doubled, or cut off with all after it."""
    raw = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        begin, other = rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)
        piece = slice(begin, begin + rng.randint(1, 40))
        how = rng.choice(["flip", "flip", "flip", "cut", "copy", "end"])
        if how == "flip" and begin < len(raw):
            raw[begin] ^= rng.choice([1 << rng.randrange(8), rng.randint(1, 255)])
        elif how == "cut":
            del raw[piece]
        elif how == "copy":
            raw[other:other] = raw[piece]
        elif how == "end":
            del raw[begin:]
    return bytes(raw)


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    """Paths to everything in a JSON value."""
    items = list(value.items()) if isinstance(value, dict) else []
    items += list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(leaf for key, item in items for leaf in leaves(item, (*path, key)))]


def json_changed(rng: Random, text: bytes) -> bytes:
    """One or two values in a JSON text replaced, removed, or given another name."""
    tree = json.loads(text)
    for _ in range(rng.randint(1, 2)):
        *above, last = rng.choice(leaves(tree)[1:] or [(None,)])
        node = tree
        for key in above:
            node = node[key]
        how = rng.choice(["odd", "number", "number", "gone", "name", "exchange"])
        if last is None:
            break
        if how == "odd":
            node[last] = rng.choice(ODD)
        elif how == "number":
            node[last] = rng.randint(-4, 40)
        elif how == "exchange":
            other = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node[last], node[other] = node[other], node[last]
        elif how == "gone" or not isinstance(node, dict):
            del node[last]
        else:
            node[rng.choice(["", "x", "../x", "data_offsets", "__metadata__"])] = node.pop(last)
    return json.dumps(tree).encode()


def file_changed(rng: Random, content: bytes) -> bytes:
    """The whole file, or its header or its data alone: then the header's length still fits."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    part = rng.choice(["file", "header", "header", "data", "JSON", "JSON", "JSON"])
    if part == "file":
        return bytes_changed(rng, content)
    if part == "data":
        data = bytes_changed(rng, data)
    else:
        header = (bytes_changed if part == "header" else json_changed)(rng, header)
    return len(header).to_bytes(8, "little") + header + data


def check_file(path: Path, content: bytes) -> None:
    """ArtifactError, or what safetensors finds in the same bytes."""
    path.write_bytes(content)
    try:
        found = artifact.open_tensors(path)
    except ArtifactError as error:
        event(error.message.rpartition(": ")[2][:20])
        return
    event("read")
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


def sealed(folder: Path, name: str, content: bytes) -> bytes:
    """The manifest that fits a folder with this file in it: damage that no checksum shows."""
    fields = json.loads((folder / manifests.FILE).read_bytes())
    fields["files"][name] = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return manifests.text(fields).encode()


def mutations(count: int):
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def try_file(rng: Random, art: Path) -> None:
    content = (art / "model.safetensors").read_bytes()
    check_file(art.parent / "x", file_changed(rng, content))


def try_manifest(rng: Random, art: Path) -> None:
    """Other fields under a digest and a checksum that fit them, or other bytes."""
    before = (art / manifests.FILE).read_bytes()
    content = (bytes_changed if rng.random() < 0.2 else json_changed)(rng, before)
    with suppress(ValueError, TypeError, AttributeError):  # no longer fields to seal
        content = manifests.text(json.loads(content)).encode()
    (art / manifests.FILE).write_bytes(content)
    try:
        read_all(artifact.open_artifact(art))
        artifact.verify(art)
        event("read")
    except ArtifactError as error:
        event(error.message.rpartition(": ")[2][:20])
    finally:
        (art / manifests.FILE).write_bytes(before)


def try_index(rng: Random, art: Path) -> None:
    """Another index, which the manifest lists: it is refused, or gives every tensor as it was."""
    index = art / "parts.safetensors.index.json"
    before = index.read_bytes(), (art / manifests.FILE).read_bytes()
    content = (bytes_changed if rng.random() < 0.2 else json_changed)(rng, before[0])
    manifest = sealed(art, index.name, content)
    index.write_bytes(content)
    (art / manifests.FILE).write_bytes(manifest)
    try:
        found = artifact.open_artifact(art).tensors("parts")
        assert found.keys() == TENSORS.keys()
        assert all(torch.equal(found[name], value) for name, value in TENSORS.items())
        event("read")
    except ArtifactError as error:
        event(error.message.rpartition(": ")[2][:20])
    finally:
        index.write_bytes(before[0])
        (art / manifests.FILE).write_bytes(before[1])


def try_any(rng: Random, art: Path) -> None:
    """Any file, under the manifest that it had."""
    files = contents(art)
    name = rng.choice(sorted(files))
    ways = [bytes_changed]
    ways += [json_changed] * 2 if name.endswith("json") else []
    ways += [file_changed] * 2 if name.endswith("safetensors") else []
    check_artifact(art, name, rng.choice(ways)(rng, files[name]))


KINDS = {"weights": try_file, "manifest": try_manifest, "index": try_index, "any": try_any}


@pytest.mark.parametrize("kind", KINDS)
@mutations(FEW)
@given(rng=st.randoms(use_true_random=True))
def test_a_mutated_file_is_refused_or_read_as_it_should_be(copy, kind, rng):
    KINDS[kind](rng, copy)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@mutations(MANY)
@given(rng=st.randoms(use_true_random=True))
def test_many_mutated_files(copy, kind, rng):
    KINDS[kind](rng, copy)


def test_verify_finds_every_changed_byte(copy):
    """Of each file, bytes all over it in turn."""
    for name, content in contents(copy).items():
        for place in range(0, len(content), 1 + len(content) // 40):
            changed = bytearray(content)
            changed[place] ^= 1 + place % 255
            check_artifact(copy, name, bytes(changed))
    assert artifact.verify(copy) == []
