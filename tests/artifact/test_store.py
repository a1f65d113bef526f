"""Artifacts appear whole or not at all, say where they come from, and damage is found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mirctl import artifact
from mirctl.artifact import manifest as manifests
from mirctl.errors import ArtifactError, UsageError


def make(out: Path, *, force: bool = False, weight: float = 1.0, **told: object) -> Path:
    """A small artifact with everything in it."""
    with artifact.create(out, kind="test/model", schema=2, force=force) as draft:
        draft.tensors("model", {"w": torch.full((2, 3), weight), "b": torch.arange(3).bfloat16()})
        draft.json("metrics.json", {"ndcg@10": {"value": 0.5 * weight, "n": 10}})
        draft.text("recipe.yaml", f"uses: test/run\ntrain: {{lr: {weight}}}\nseed: 7\n")
        draft.json("extra/items.json", ["a", "b"])
        draft.describe(**{"seed": 7, "device": "cpu", **told})
    return out


def fail(out: Path, *, force: bool) -> None:
    """Break off in the middle of writing."""
    with artifact.create(out, kind="k", force=force) as draft:
        draft.tensors("model", {"w": torch.zeros(3)})
        raise KeyError


def rewrite(folder: Path, **changes: object) -> None:
    """Change a manifest and give it the digest that fits, as somebody with intent would."""
    path = folder / "manifest.json"
    path.write_text(manifests.text(json.loads(path.read_text()) | changes))


def test_what_was_written_comes_back(tmp_path):
    source = {"name": "items", "sha256": "ab" * 32, "size": 3, "path": "../items.csv"}
    plugin = {"name": "adapt", "version": "1.0"}
    make(tmp_path / "art", inputs=[source], plugin=plugin, shard=[1, 4])
    art = artifact.open_artifact(tmp_path / "art", kind="test/model")
    assert (art.manifest.kind, art.manifest.schema_version, art.manifest.seed) == (
        "test/model",
        2,
        7,
    )
    assert art.manifest.inputs[0].model_dump() == source
    assert art.manifest.plugin.version == "1.0"
    assert art.manifest.facts == {"shard": [1, 4]}
    assert {"mirctl", "python", "torch", "numpy"} <= art.manifest.versions.keys()
    assert art.json("extra/items.json") == ["a", "b"]
    assert art.text("recipe.yaml").startswith("uses:")
    assert art.tensors("model")["b"].tolist() == [0, 1, 2]
    assert art.tensors("model")["b"].dtype == torch.bfloat16
    assert artifact.verify(art.folder) == []


def test_files_get_the_mode_the_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        make(tmp_path / "art")
    finally:
        os.umask(before)
    assert (tmp_path / "art" / "model.safetensors").stat().st_mode & 0o777 == 0o640


def test_json_is_stable_and_has_null_for_what_is_no_number(tmp_path):
    content = {"z": torch.tensor(0.5), "a": [float("nan"), float("inf")], "p": Path("x/y")}
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.json("x.json", content)
    expected = '{\n  "z": 0.5,\n  "a": [\n    null,\n    null\n  ],\n  "p": "x/y"\n}\n'
    assert (tmp_path / "art" / "x.json").read_text() == expected


def test_files_that_the_caller_writes_are_listed(tmp_path):
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.file("extra/deep/x.bin").write_bytes(b"123")
    art = artifact.open_artifact(tmp_path / "art")
    assert art.path("extra/deep/x.bin").read_bytes() == b"123"
    assert art.manifest.files["extra/deep/x.bin"].size == 3
    with pytest.raises(ArtifactError, match="holds no y"):
        art.path("y")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "", "a//b", "C:x", "a\\b", "a\nb"])
def test_a_draft_writes_nothing_outside_itself(tmp_path, name):
    with (
        pytest.raises(ArtifactError, match="file name"),
        artifact.create(tmp_path / "art", kind="k") as draft,
    ):
        draft.text(name, "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["manifest.json", "x.txt"])
def test_a_file_is_written_once(tmp_path, name):
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.text("x.txt", "1")
        with pytest.raises(ArtifactError, match="written already"):
            draft.text(name, "2")


def test_an_error_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyError):
        fail(tmp_path / "art", force=False)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_stays_unless_forced_and_the_block_ends_well(tmp_path):
    out = make(tmp_path / "art")
    with pytest.raises(UsageError, match="--force"):
        make(out)
    with pytest.raises(KeyError):
        fail(out, force=True)
    assert artifact.verify(out) == []
    make(out, force=True, weight=2.0)
    assert artifact.open_artifact(out).tensors("model")["w"][0, 0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["art"]


def test_a_save_killed_at_any_moment_leaves_the_old_or_the_new_one(tmp_path):
    """A child a moment, each stopped for good at its n-th fsync; one process, so one import."""
    code = """
import os, sys
from pathlib import Path
from mirctl import artifact
real, out = os.fsync, Path(sys.argv[1])

def save(left):
    def fsync(handle):
        nonlocal left
        left -= 1
        if left < 0: os._exit(9)
        real(handle)
    os.fsync = fsync
    with artifact.create(out, kind="new", force=True) as draft:
        draft.text("a", "1")
        draft.text("b", "2")
    os._exit(0)

for moment in range(20):
    child = os.fork()
    if child == 0: save(moment)
    os.waitpid(child, 0)
    assert artifact.verify(out) == [], moment
    print(artifact.open_artifact(out).manifest.kind)
"""
    command = [sys.executable, "-c", code, str(make(tmp_path / "art"))]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    kinds = ran.stdout.split()
    assert (kinds[0], kinds[-1], len(kinds)) == ("test/model", "new", 20)


def test_two_processes_write_the_same_artifact_but_for_the_time(tmp_path):
    code = """
import sys, torch
from pathlib import Path
from mirctl import artifact
with artifact.create(Path(sys.argv[1]), kind="k") as draft:
    draft.tensors("model", {n: torch.full((len(n),), 2.0) for n in {"a", "bb", "ccc"}})
    draft.json("metrics.json", {"x": 0.1})
"""
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        subprocess.run([sys.executable, "-c", code, str(out)], check=True)
    first, second = (artifact.open_artifact(out).manifest for out in outs)
    times = {"created", "checksum"}
    assert first.digest == second.digest
    assert first.model_dump(exclude=times) == second.model_dump(exclude=times)


def test_the_digest_knows_neither_time_nor_place_but_all_else(tmp_path):
    here = {"name": "items", "sha256": "ab" * 32, "path": "../items.csv"}
    elsewhere = here | {"path": "../../items.csv"}
    outs = [
        make(tmp_path / "a", inputs=[here]),
        make(tmp_path / "b", inputs=[elsewhere]),
        make(tmp_path / "c", inputs=[here], seed=8),
    ]
    a, b, c = (artifact.open_artifact(out).manifest.digest for out in outs)
    assert a == b != c


def test_tied_tensors_are_stored_once(tmp_path):
    shared = torch.randn(100, 10)
    tied = {"head": shared, "embedding": shared, "row": shared[0], "turned": shared.T}
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.tensors("model", tied)
    art = artifact.open_artifact(tmp_path / "art")
    assert art.manifest.aliases == {"model": {"head": "embedding"}}
    found = art.tensors("model")
    assert found.keys() == tied.keys()
    assert all(torch.equal(found[name], tied[name]) for name in tied)
    assert (art.folder / "model.safetensors").stat().st_size < 2.2 * shared.nbytes


def test_a_model_with_tied_weights_comes_back(tmp_path):
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into = torch.nn.Embedding(5, 4)
            self.out = torch.nn.Linear(4, 5)
            self.out.weight = self.into.weight

    model, other = Tied(), Tied()
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.tensors("model", model.state_dict())
    tensors = artifact.open_artifact(tmp_path / "art").tensors("model")
    other.load_state_dict(dict(tensors))
    assert torch.equal(other.into.weight, model.into.weight)


def test_empty_tensors_are_not_taken_for_tied(tmp_path):
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.tensors("model", {"a": torch.empty(0), "b": torch.empty(0)})
    assert artifact.open_artifact(tmp_path / "art").manifest.aliases == {}


def test_large_sets_are_cut_into_shards(tmp_path):
    tensors = {f"layer.{n}": torch.full((10,), float(n)) for n in range(5)}
    tensors["tied"] = tensors["layer.4"]
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.tensors("extra/model", tensors, shard_bytes=80, metadata={"note": 1})
    art = artifact.open_artifact(tmp_path / "art")
    names = [f"extra/model-{n:05}-of-00003.safetensors" for n in (1, 2, 3)]
    assert list(art.manifest.files) == [*names, "extra/model.safetensors.index.json"]
    assert art.groups() == ["extra/model"]
    found = art.tensors("extra/model")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert found.metadata == {"note": 1}
    assert artifact.verify(art.folder) == []


@pytest.mark.parametrize(
    "where",
    [
        {"w": "../model-00001-of-00002.safetensors"},
        {"w": "/etc/passwd"},
        {"w": "absent.safetensors"},
        {"w": "model-00001-of-00002.safetensors", "more": "model-00001-of-00002.safetensors"},
        {"w": 3},
        {},
        [],
    ],
)
def test_an_index_that_lies_is_refused(tmp_path, where):
    with artifact.create(tmp_path / "art", kind="k") as draft:
        artifact.write_tensors(draft.file("model-00001-of-00002.safetensors"), {"w": torch.ones(1)})
        draft.json("model.safetensors.index.json", {"weight_map": where})
    with pytest.raises(ArtifactError):
        artifact.open_artifact(tmp_path / "art").tensors("model")
    assert len(artifact.verify(tmp_path / "art")) == 1


def test_asking_for_other_tensors_names_those_there(tmp_path):
    art = artifact.open_artifact(make(tmp_path / "art"))
    with pytest.raises(ArtifactError, match="no tensors 'x'; it holds: model"):
        art.tensors("x")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"format": "mirctl-artifact/2"}, "pip install --upgrade mirctl"),
        ({"format": "other/1"}, "not the manifest of a mirctl"),
        ({"kind": None}, "kind"),
        ({"seed": "7"}, "seed"),
        ({"files": {"x": {"size": -1, "sha256": "ab" * 32}}}, "files.x.size"),
        ({"files": {"x": {"size": 1, "sha256": "zz"}}}, "files.x.sha256"),
        ({"files": {"../x": {"size": 1, "sha256": "ab" * 32}}}, "leads out"),
        ({"files": {"/etc/passwd": {"size": 1, "sha256": "ab" * 32}}}, "leads out"),
        ({"aliases": {"model": {"x": "absent"}}}, None),
        ({"aliases": {"model": {"b": "w"}}}, None),
        ({"aliases": {"other": {"x": "w"}}}, None),
    ],
)
def test_a_manifest_that_lies_is_refused(tmp_path, fault, reason):
    out = make(tmp_path / "art")
    rewrite(out, **fault)
    assert len(artifact.verify(out)) == 1
    if reason:
        with pytest.raises(ArtifactError, match=reason):
            artifact.open_artifact(out)


def test_fields_of_a_newer_minor_format_are_kept(tmp_path):
    out = make(tmp_path / "art")
    rewrite(out, format="mirctl-artifact/1.3", colour="blue")
    assert artifact.open_artifact(out).manifest.model_extra == {"colour": "blue"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a":1,"a":2}', "\udcff", '{"x": NaN}'])
def test_a_broken_manifest_is_named(tmp_path, text):
    out = make(tmp_path / "art")
    (out / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        artifact.open_artifact(out)


def test_an_edited_manifest_is_noticed(tmp_path):
    path = make(tmp_path / "art") / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 8'))
    with pytest.raises(ArtifactError, match="digest"):
        artifact.open_artifact(tmp_path / "art")


def test_what_is_no_artifact_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    for name, reason in (("", "no manifest.json"), ("file", "is a file"), ("gone", "not exist")):
        with pytest.raises(ArtifactError, match=reason):
            artifact.open_artifact(tmp_path / name)


def test_the_wrong_kind_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="of kind test/model, not adapt/model"):
        artifact.open_artifact(make(tmp_path / "art"), kind="adapt/model")


def test_links_are_refused(tmp_path):
    out = make(tmp_path / "art")
    target = tmp_path / "elsewhere"
    (out / "metrics.json").rename(target)
    (out / "metrics.json").symlink_to(target)
    with pytest.raises(ArtifactError, match="symbolic link"):
        artifact.open_artifact(out)
    with (
        pytest.raises(ArtifactError, match="symbolic link"),
        artifact.create(tmp_path / "b", kind="k") as draft,
    ):
        draft.file("x").symlink_to(target)


def test_opening_finds_missing_and_cut_files(tmp_path):
    out = make(tmp_path / "art")
    (out / "metrics.json").write_text("")
    with pytest.raises(ArtifactError, match=r"metrics\.json has 0 bytes"):
        artifact.open_artifact(out)
    (out / "metrics.json").unlink()
    with pytest.raises(ArtifactError, match=r"metrics\.json is missing"):
        artifact.open_artifact(out)


def test_verify_names_every_problem(tmp_path):
    out = make(tmp_path / "art")
    flip(out / "model.safetensors")
    (out / "metrics.json").unlink()
    (out / "recipe.yaml").write_text("short")
    (out / "stray.txt").write_text("x")
    (out / "link").symlink_to(tmp_path)
    found = [problem.partition(":")[0] for problem in artifact.verify(out)]
    expected = ["link", "metrics.json", "model.safetensors", "recipe.yaml", "stray.txt"]
    assert sorted(found) == expected


def flip(path: Path) -> None:
    """Change the last byte of a file."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_verify_finds_bad_tensors_behind_a_right_hash(tmp_path):
    with artifact.create(tmp_path / "art", kind="k") as draft:
        draft.file("model.safetensors").write_bytes(b"\2" + b"\0" * 7 + b"{}")
    (problem,) = artifact.verify(tmp_path / "art")
    assert "model.safetensors" in problem
    assert "no tensors" in problem


def test_the_commit_of_the_working_directory_is_recorded(tmp_path, monkeypatch):
    repo = tmp_path / "repo"
    repo.mkdir()
    monkeypatch.chdir(repo)
    make(tmp_path / "outside")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    make(tmp_path / "inside")
    commits = [artifact.open_artifact(tmp_path / n).manifest.commit for n in ("outside", "inside")]
    assert commits[0] is None
    assert len(commits[1]) == 40


def test_incomplete_lineage_is_told_at_once(tmp_path):
    with (
        pytest.raises(ArtifactError, match="sha256"),
        artifact.create(tmp_path / "art", kind="k") as draft,
    ):
        draft.describe(inputs=[{"name": "items"}])
