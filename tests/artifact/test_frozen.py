"""Specification, model and schema agree, and an artifact of any format loads for ever."""

import json
import re
from pathlib import Path

import pytest
import torch

from mirctl import artifact
from mirctl.artifact import manifest as manifests
from mirctl.errors import ArtifactError

DOCS = Path(__file__).parent.parent.parent / "docs"
FORMAT_1 = {
    "extra/parts-00001-of-00002.safetensors": (
        b'8\x00\x00\x00\x00\x00\x00\x00{"a":{"dtype":"I8","shape":[3],"data_offsets":[0,3]}}   '
        b"\x01\x02\x03"
    ),
    "extra/parts-00002-of-00002.safetensors": (
        b'8\x00\x00\x00\x00\x00\x00\x00{"b":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}} \x01'
    ),
    "extra/parts.safetensors.index.json": (
        b'{\n  "metadata": {\n    "total_size": 4\n  },\n  "weight_map": {\n   '
        b' "a": "parts-00001-of-00002.safetensors",\n    "b": "parts-00002-'
        b'of-00002.safetensors"\n  }\n}\n'
    ),
    "metrics.json": (
        b'{\n  "ndcg@10": {\n    "value": 0.5,\n    "low": 0.25,\n    "high": '
        b'0.75,\n    "n": 10,\n    "unit": "mean"\n  }\n}\n'
    ),
    "model.safetensors": (
        b'\xd8\x00\x00\x00\x00\x00\x00\x00{"__metadata__":{"mirctl":"{\\"note\\":1}"},"n":{"dtype":"'
        b'I64","shape":[],"data_offsets":[0,8]},"tied":{"dtype":"F32","sha'
        b'pe":[1,2],"data_offsets":[8,16]},"h":{"dtype":"BF16","shape":[1]'
        b',"data_offsets":[16,18]}}       '
        b"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0?\x00\x00\x00\xc0\x00?"
    ),
    "recipe.yaml": (b"uses: test/run\nseed: 7\n"),
    "manifest.json": (
        b'{"format": "mirctl-artifact/1", "kind": "test/frozen", "schema_v'
        b'ersion": 3, "facts": {"rate": 0.001, "small": 1e-07, "big": 1e+2'
        b'2, "none": null}, "seed": 7, "device": "cpu", "plugin": {"name":'
        b' "test", "version": "1.0"}, "inputs": [{"name": "data.items", "s'
        b'ha256": "abababababababababababababababababababababababababababa'
        b'babababab", "path": "../items.csv", "size": 3}], "parents": [{"n'
        b'ame": "base", "sha256": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc'
        b'dcdcdcdcdcdcdcdcdcdcdcdcd", "path": "../base"}], "created": "202'
        b'6-11-24T12:00:00+00:00", "versions": {"mirctl": "0.1.0", "python'
        b'": "3.11.7", "torch": "2.13.0"}, "commit": "1234567890abcdef1234'
        b'567890abcdef12345678", "files": {"extra/parts-00001-of-00002.saf'
        b'etensors": {"size": 67, "sha256": "052808a5dd602754b8c88d1792fd2'
        b'9ad6eec20b9727c7a7a5faaeb923fd3f5bf"}, "extra/parts-00002-of-000'
        b'02.safetensors": {"size": 65, "sha256": "4746452648ab5b13a94f7b0'
        b'3d495edcfe34e1c2d79df3b0041ece3e2f238fc3f"}, "extra/parts.safete'
        b'nsors.index.json": {"size": 156, "sha256": "dd99a41e53f9aac234a7'
        b'8f311f19fb693212892c58df6126a81a236e3df28a99"}, "metrics.json": '
        b'{"size": 108, "sha256": "9c287202a21c92c984227231d977bc8c1603253'
        b'b8ea67823f286dd4685123c18"}, "model.safetensors": {"size": 242, '
        b'"sha256": "0ab14d2f85091b5aa3579023db8b76c9ad99592f8c50ab577bbec'
        b'241c90c4d80"}, "recipe.yaml": {"size": 23, "sha256": "67e4a78134'
        b'627393c87326eb6d2ba272e0211fb7d7cc2b29a6d54c9226b6123b"}}, "alia'
        b'ses": {"model": {"\\u00e9.w": "tied"}}, "digest": "9ecdeed71be98f'
        b'744566c1c63b7efc0275077e721abbc92f27931b49bcbcb018"}'
    ),
}
"""Files as format 1 wrote them. Never changed: whoever has such an artifact can still open it."""
MANIFEST_1_1 = (
    b'{"format": "mirctl-artifact/1.1", "kind": "test/frozen", "schema'
    b'_version": 3, "facts": {}, "seed": 7, "device": "cpu", "plugin":'
    b' {"name": "test", "version": "1.0"}, "inputs": [{"name": "data.i'
    b'tems", "sha256": "ababababababababababababababababababababababab'
    b'ababababababababab", "path": "../items.csv", "size": 3}], "paren'
    b'ts": [{"name": "base", "sha256": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcd'
    b'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", "path": "../base"}], "creat'
    b'ed": "2026-11-24T12:00:00+00:00", "versions": {"mirctl": "0.1.0"'
    b', "python": "3.11.7", "torch": "2.13.0"}, "commit": "1234567890a'
    b'bcdef1234567890abcdef12345678", "files": {"extra/parts-00001-of-'
    b'00002.safetensors": {"size": 67, "sha256": "052808a5dd602754b8c8'
    b'8d1792fd29ad6eec20b9727c7a7a5faaeb923fd3f5bf"}, "extra/parts-000'
    b'02-of-00002.safetensors": {"size": 65, "sha256": "4746452648ab5b'
    b'13a94f7b03d495edcfe34e1c2d79df3b0041ece3e2f238fc3f"}, "extra/par'
    b'ts.safetensors.index.json": {"size": 156, "sha256": "dd99a41e53f'
    b'9aac234a78f311f19fb693212892c58df6126a81a236e3df28a99"}, "metric'
    b's.json": {"size": 108, "sha256": "9c287202a21c92c984227231d977bc'
    b'8c1603253b8ea67823f286dd4685123c18"}, "model.safetensors": {"siz'
    b'e": 242, "sha256": "0ab14d2f85091b5aa3579023db8b76c9ad99592f8c50'
    b'ab577bbec241c90c4d80"}, "recipe.yaml": {"size": 23, "sha256": "6'
    b'7e4a78134627393c87326eb6d2ba272e0211fb7d7cc2b29a6d54c9226b6123b"'
    b'}}, "aliases": {"model": {"\\u00e9.w": "tied"}}, "digest": "6b0b3'
    b'78464af114b26ca1475f7c676f3ced8ada46514e6342cd08b56fddbb7a2", "c'
    b'hecksum": "d8395c51cf1b2c0cc804be124cef50cfae574459cb4d38667f2f4'
    b'6e6ea29bad7"}'
)
"""The manifest of the same files as format 1.1 wrote it."""


@pytest.fixture
def frozen(tmp_path):
    for name, content in FORMAT_1.items():
        path = tmp_path / "art" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "art"


@pytest.mark.parametrize("manifest", [FORMAT_1["manifest.json"], MANIFEST_1_1])
def test_an_artifact_of_format_1_loads(frozen, manifest):
    (frozen / "manifest.json").write_bytes(manifest)
    assert artifact.verify(frozen) == []
    art = artifact.open_artifact(frozen, kind="test/frozen", schema=3)
    model, extra = art.tensors("model"), art.tensors("extra/parts")
    assert model["é.w"].tolist() == model["tied"].tolist() == [[1.5, -2.0]]
    assert (model["n"].item(), model["h"].tolist(), model["h"].dtype) == (7, [0.5], torch.bfloat16)
    assert model.metadata == {"note": 1}
    assert (extra["a"].tolist(), extra["b"].tolist()) == ([1, 2, 3], [True])
    assert art.metrics()["ndcg@10"]["low"] == 0.25
    assert art.recipe()[0] == {"uses": "test/run", "seed": 7}
    assert art.manifest.parents[0].path == "../base"


def test_numbers_of_any_size_keep_the_digest(frozen):
    facts = artifact.open_artifact(frozen).manifest.facts
    assert facts == {"rate": 0.001, "small": 1e-7, "big": 1e22, "none": None}


def test_from_1_1_on_a_manifest_has_a_checksum_that_fits(frozen):
    for change in ((b"2026", b"2025"), (b'"checksum"', b'"checksun"'), (b", ", b",  ")):
        (frozen / "manifest.json").write_bytes(MANIFEST_1_1.replace(*change))
        assert len(artifact.verify(frozen)) == 1
    fields = json.loads(MANIFEST_1_1)
    del fields["checksum"]
    (frozen / "manifest.json").write_text(json.dumps(fields))
    with pytest.raises(ArtifactError, match="checksum is missing"):
        artifact.open_artifact(frozen)


def test_its_tensors_are_still_written_the_same(frozen, tmp_path):
    for name in ("model.safetensors", "extra/parts-00001-of-00002.safetensors"):
        tensors = artifact.open_tensors(frozen / name)
        artifact.write_tensors(tmp_path / "again", tensors, tensors.metadata)
        assert (tmp_path / "again").read_bytes() == FORMAT_1[name]


def test_every_format_up_to_the_present_one_is_kept_here():
    kept = [int(name.removeprefix("FORMAT_")) for name in globals() if name.startswith("FORMAT_")]
    assert kept == list(range(1, manifests.FORMAT + 1))
    assert f"MANIFEST_{manifests.FORMAT}_{manifests.MINOR}" in globals()


def test_a_newer_format_is_refused_with_what_to_install(mirctl, frozen):
    path = frozen / "manifest.json"
    newer = path.read_text().replace("mirctl-artifact/1", f"mirctl-artifact/{manifests.FORMAT + 1}")
    path.write_text(newer)
    for command in ("inspect", "verify"):
        ran = mirctl("artifact", command, frozen)
        assert ran.code == 4
        assert "pip install --upgrade mirctl" in ran.err


@pytest.mark.parametrize(
    "text", ["mirctl-artifact/0", "mirctl-artifact/1.", "mirctl-artifact/x", ""]
)
def test_what_is_no_format_is_refused(frozen, text):
    path = frozen / "manifest.json"
    path.write_text(path.read_text().replace("mirctl-artifact/1", text))
    with pytest.raises(ArtifactError, match="not the manifest of a mirctl artifact"):
        artifact.open_artifact(frozen)


def test_the_committed_schema_is_that_of_the_model(mirctl):
    committed = json.loads((DOCS / "artifact.schema.json").read_text(encoding="utf-8"))
    assert committed == json.loads(mirctl("artifact", "schema").out)


def test_the_specification_names_every_field():
    page = (DOCS / "artifact.md").read_text(encoding="utf-8")
    fields = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert fields == list(manifests.Manifest.model_fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"above {manifests.LARGEST >> 20} MB", "manifest"),
        (f"than {manifests.MOST_FILES:,} files", "files"),
        (f"than {manifests.MOST_VALUES:,} commas", "values"),
    ],
)
def test_the_specification_names_the_limits(text, value):
    assert text in " ".join((DOCS / "artifact.md").read_text(encoding="utf-8").split()), value
