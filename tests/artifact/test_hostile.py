"""Artifacts made to harm: each is refused with exit 4 and a reason, in little memory, and no
command writes anything.
"""

import json
import os
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import damage
from mirctl import artifact
from mirctl.artifact import manifest as manifests

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "model.safetensors.index.json"
RECORD = {"size": 1, "sha256": "ab" * 32}


def make(out: Path, **options: int) -> Path:
    with artifact.create(out, kind="test/model") as draft:
        draft.tensors("model", {"a": torch.ones(4), "b": torch.zeros(4)}, **options)
        draft.json("metrics.json", {"auc": 0.5})
        draft.text("recipe.yaml", "uses: test/run\n")
        draft.json("extra/words.json", ["a"])
    return out


def weights(header: str | bytes, data: bytes = b"\0" * 8) -> Callable[[Path], None]:
    """Other weights, under a manifest that fits them."""
    raw = header.encode() if isinstance(header, str) else header
    content = len(raw).to_bytes(8, "little") + raw + data
    return replaced("model.safetensors", content)


def replaced(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)
        damage.seal(folder)

    return change


def listed(**changes: object) -> Callable[[Path], None]:
    """Other fields in the manifest, under a digest that fits them."""

    def change(folder: Path) -> None:
        path = folder / manifests.FILE
        fields = json.loads(path.read_text())
        for key, value in changes.items():
            fields[key] = {**fields[key], **value} if isinstance(value, dict) else value
        path.write_text(manifests.text(fields))

    return change


def manifest(text: str | bytes) -> Callable[[Path], None]:
    raw = text.encode() if isinstance(text, str) else text
    return lambda folder: (folder / manifests.FILE).write_bytes(raw)


def link(name: str, target: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.parent / "moved")
        (folder / name).symlink_to(target)

    return change


def pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def sparse(folder: Path) -> None:
    """A header of 100 MB and a byte, all of it holes."""
    with (folder / "model.safetensors").open("wb") as file:
        file.write((100_000_001).to_bytes(8, "little"))
        file.truncate(200_000_000)
    size, sha256 = 200_000_000, "ab" * 32
    listed(files={"model.safetensors": {"size": size, "sha256": sha256}})(folder)


def million(folder: Path) -> None:
    """A million listed files."""
    entries = ",".join(f'"{n}":{{}}' for n in range(1_000_002))
    text = f'{{"format":"mirctl-artifact/1","files":{{{entries}}}}}'
    (folder / manifests.FILE).write_text(text)


def large(folder: Path) -> None:
    with (folder / manifests.FILE).open("wb") as file:
        file.truncate(manifests.LARGEST + 1)


def tensor(name: str = "a", **changes: object) -> str:
    return json.dumps({name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}})


WEIGHTS = {
    "a pickle": replaced("model.safetensors", pickle.dumps({"a": [1.0] * 50})),
    "header beyond the file": replaced("model.safetensors", b"\xff" * 7 + b"\0{}"),
    "header above 100 MB": sparse,
    "header of a million values": weights('{"a":[%s1]}' % ("1," * 1_000_001)),
    "overlap": weights(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        '"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'
    ),
    "out of range": weights(tensor(shape=[4], data_offsets=[0, 16])),
    "hole": weights(tensor(shape=[1], data_offsets=[4, 8])),
    "twice one name": weights(tensor()[:-1] + "," + tensor()[1:]),
    "twice one key": weights('{"__metadata__":{"x":"1","x":"2"},' + tensor()[1:]),
    "unknown dtype": weights(tensor(dtype="F12")),
    "unknown field": weights(tensor(more=1)),
    "shape that overflows": weights(tensor(shape=[2**40, 2**40])),
    "shape that overflows beside zero": weights(
        tensor(shape=[0, 2**62, 2**62], data_offsets=[0, 0]), b""
    ),
    "NaN metadata": weights('{"__metadata__":{"x":NaN},' + tensor()[1:]),
    "metadata no text": weights('{"__metadata__":{"x":1},' + tensor()[1:]),
    "endless nesting": weights('{"a":' * 100_000),
    "empty name": weights(tensor("")),
    "path as a name": weights(tensor("../../x")),
    "name of 1 MB": weights(tensor("x" * 10**6)),
    "no tensors": weights("{}", b""),
    "empty file": replaced("model.safetensors", b""),
    "an alias of nothing": listed(aliases={"model": {"x": "absent"}}),
}
MANIFESTS = {
    "empty manifest": manifest(""),
    "manifest of zeros": manifest(b"\0" * 1000),
    "manifest too large": large,
    "a million files": million,
    "endless manifest": manifest("[" * 100_000),
    "manifest with a key twice": manifest('{"format":"mirctl-artifact/1","format":"x"}'),
    "manifest with NaN": manifest('{"format":"mirctl-artifact/1","seed":NaN}'),
    "manifest no object": manifest("[]"),
    "wrong time": lambda folder: manifest(
        (folder / manifests.FILE).read_text().replace('"created": "20', '"created": "19')
    )(folder),
    "wrong digest": lambda folder: manifest(
        (folder / manifests.FILE).read_text().replace("test/model", "test/other")
    )(folder),
    "path up": listed(files={"../outside": RECORD}),
    "absolute path": listed(files={"/etc/passwd": RECORD}),
    "drive": listed(files={"C:x": RECORD}),
    "backslash": listed(files={"..\\x": RECORD}),
    "long path": listed(files={"x" * 10**6: RECORD}),
    "negative size": listed(files={"x": {"size": -1, "sha256": "ab" * 32}}),
    "linked file": link("extra/words.json", "../../moved"),
    "linked folder": link("extra", "../moved"),
    "linked manifest": link("manifest.json", "../moved"),
    "a pipe": pipe,
    "a folder for a file": lambda folder: (
        (folder / "model.safetensors").unlink(),
        (folder / "model.safetensors").mkdir(),
    ),
    "a file missing": damage.gone("metrics.json"),
    "a kind that acts on terminals": listed(kind="\x1b[2J\x07", files={"x": RECORD}),
}
METRICS = {
    "metrics no JSON": replaced("metrics.json", b"{"),
    "metrics with a key twice": replaced("metrics.json", b'{"a":1,"a":2}'),
    "metrics no numbers": replaced("metrics.json", b'{"a":"b"}'),
    "metrics of a million values": replaced("metrics.json", b"[" + b"1," * 1_000_001 + b"1]"),
}
RECIPES = {
    "recipe with a tag": replaced("recipe.yaml", b"a: !!python/object/apply:os.getcwd []"),
    "recipe too long": replaced("recipe.yaml", b"a: " + b"x" * 5_000_000),
    "recipe of brackets": replaced("recipe.yaml", b"a: " + b"[" * 10_000),
    "recipe that grows": replaced(
        "recipe.yaml", b"a: &a [x, x]\n" + b"".join(b"b%d: [*a, *a]\n" % n for n in range(99))
    ),
}
CASES = WEIGHTS | MANIFESTS | METRICS | RECIPES


def tree(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_artifact_is_refused(mirctl, tmp_path, case):
    out = make(tmp_path / "art")
    good = make(tmp_path / "good")
    CASES[case](out)
    before = tree(tmp_path)
    readers = [("diff", good, out), ("verify", out)]
    for command in readers if case in RECIPES else [("inspect", out), *readers]:
        tracemalloc.start()
        ran = mirctl("artifact", *command)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert ran.code == 4, (command, ran)
        assert str(out) in ran.err or ran.err.count(":") > 1
        assert "Traceback" not in ran.err
        assert "\x1b" not in ran.err
        assert len(ran.err) < 2000
        assert peak < 80 << 20
    ran = mirctl("artifact", "export", out, "--out", tmp_path / "export")
    assert (ran.code, tree(tmp_path)) == (4, before)


def index(weight_map: object) -> Callable[[Path], None]:
    """Another index, which the manifest lists."""
    return replaced(INDEX, json.dumps({"weight_map": weight_map}).encode())


def linked_shard(folder: Path) -> None:
    """A shard is a link to where its bytes now are, and the manifest lists them."""
    (folder / SHARDS[0]).rename(folder.parent / "moved")
    (folder / SHARDS[0]).symlink_to("../moved")


def linked_index(folder: Path) -> None:
    (folder / INDEX).rename(folder.parent / "moved")
    (folder / INDEX).symlink_to("../moved")


INDEXES = {
    "path up": index({"a": "../outside.safetensors", "b": SHARDS[1]}),
    "absolute": index({"a": "/etc/passwd", "b": SHARDS[1]}),
    "unlisted": index({"a": "absent.safetensors", "b": SHARDS[1]}),
    "itself": index({"a": INDEX, "b": SHARDS[1]}),
    "exchanged": index({"a": SHARDS[1], "b": SHARDS[0]}),
    "too few": index({"a": SHARDS[0]}),
    "too many": index({"a": SHARDS[0], "b": SHARDS[1], "../../c": SHARDS[1]}),
    "a number": index({"a": 1, "b": SHARDS[1]}),
    "a list": index([SHARDS[0], SHARDS[1]]),
    "empty": index({}),
    "long name": index({"a": "x" * 10**6, "b": SHARDS[1]}),
    "a million names": replaced(
        INDEX, b'{"weight_map":{%s}}' % b",".join(b'"%d":""' % n for n in range(1_000_002))
    ),
    "no JSON": replaced(INDEX, pickle.dumps({"weight_map": {}})),
    "no weight map": replaced(INDEX, b"{}"),
    "a name twice": replaced(
        INDEX, b'{"weight_map":{"a":"%b","a":"%b"}}' % (SHARDS[0].encode(), SHARDS[1].encode())
    ),
    "NaN": replaced(INDEX, b'{"metadata":{"total_size":NaN},"weight_map":{}}'),
    "endless nesting": replaced(INDEX, b"[" * 100_000),
    "linked shard": linked_shard,
    "linked index": linked_index,
}


@pytest.mark.parametrize("case", INDEXES)
def test_a_hostile_index_is_refused(mirctl, tmp_path, case):
    out = make(tmp_path / "art", shard_bytes=16)
    INDEXES[case](out)
    before = tree(tmp_path)
    for command in "inspect", "verify":
        tracemalloc.start()
        ran = mirctl("artifact", command, out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert ran.code == 4
        assert "Traceback" not in ran.err
        assert len(ran.err) < 2000
        assert peak < 80 << 20
    assert mirctl("artifact", "export", out, "--out", tmp_path / "export").code == 4
    assert tree(tmp_path) == before


def test_a_file_of_another_hash_than_listed_is_found(mirctl, tmp_path):
    out = make(tmp_path / "art")
    size = (out / "extra/words.json").stat().st_size
    listed(files={"extra/words.json": {"size": size, "sha256": "ab" * 32}})(out)
    ran = mirctl("artifact", "verify", out)
    assert ran.code == 4
    assert "extra/words.json" in ran.err
    assert mirctl("artifact", "export", out, "--out", tmp_path / "export").code == 4
    assert not (tmp_path / "export").exists()


def test_a_shard_without_an_index_is_found(mirctl, tmp_path):
    out = make(tmp_path / "art", shard_bytes=16)
    (out / INDEX).unlink()
    damage.seal(out)
    assert "no index names it" in mirctl("artifact", "verify", out).err


def test_words_of_an_artifact_do_not_act_on_a_terminal(mirctl, tmp_path):
    out = make(tmp_path / "art")
    listed(kind="a\x1b[2J\u202e", device="\x9b31m", facts={"x\x07": "y\rz"})(out)
    ran = mirctl("artifact", "inspect", out)
    assert ran.code == 0
    assert not set("\x1b\x07\r\x9b\u202e") & set(ran.out + ran.err)
    assert "a\\x1b[2J\\u202e" in ran.out
    assert json.loads(mirctl("artifact", "inspect", out, "--json").out)["device"] == "\x9b31m"
