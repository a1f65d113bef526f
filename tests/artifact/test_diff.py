"""What an artifact holds and where two differ, from Python and from the command line."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mirctl import artifact
from mirctl.artifact.diff import largest_difference
from mirctl.errors import ArtifactError
from mirctl.hookspecs import ArtifactKind

INPUT = {"name": "data.items", "sha256": "ab" * 32, "path": "../items.csv"}


def make(out: Path, *, lr: float = 0.1, value: float = 0.5, **tensors: torch.Tensor) -> Path:
    with artifact.create(out, kind="test/model") as draft:
        draft.tensors("model", {"w": torch.zeros(2, 3), **tensors})
        draft.json("metrics.json", {"ndcg@10": {"value": value, "n": 10, "unit": "mean"}})
        draft.text("recipe.yaml", f"uses: test/run\ntrain:\n  lr: {lr}\n")
        draft.json("extra/items.json", list(tensors))
        draft.describe(seed=7, device="cpu", inputs=[INPUT], epochs=3)
    return out


@pytest.fixture
def pair(tmp_path):
    changed = {"w": torch.full((2, 3), 0.25), "new": torch.ones(1)}
    a = make(tmp_path / "a", wide=torch.ones(2), odd=torch.ones(2))
    b = make(tmp_path / "b", lr=0.2, value=0.75, odd=torch.ones(2).half(), **changed)
    return a, b


def test_equal_artifacts_have_no_differences(tmp_path):
    found = artifact.diff(make(tmp_path / "a"), make(tmp_path / "b"))
    assert found.pop("same") is True
    assert not any(found.values())


def test_every_part_that_differs_is_named(pair):
    found = artifact.diff(*pair)
    assert found["same"] is False
    assert found["manifest"] == {}
    assert found["recipe"] == {"train.lr": {"a": 0.1, "b": 0.2, "change": pytest.approx(0.1)}}
    assert found["metrics"] == {"ndcg@10.value": {"a": 0.5, "b": 0.75, "change": 0.25}}
    assert found["files"] == {"extra/items.json": "differs"}
    tensors = found["tensors"]["model"]
    assert tensors["w"]["max_abs_difference"] == 0.25
    assert set(tensors["wide"]) == {"a"}
    assert set(tensors["new"]) == {"b"}
    assert (tensors["odd"]["a"]["dtype"], tensors["odd"]["b"]["dtype"]) == ("float32", "float16")
    assert tensors["odd"]["max_abs_difference"] == 0


def test_the_largest_difference_is_the_largest_over_all_chunks():
    a = torch.zeros(5_000_000)
    b = a.clone()
    b[4_999_999] = -3
    assert largest_difference(a, b) == 3


def test_differences_of_special_values():
    nan, inf = float("nan"), float("inf")
    assert largest_difference(torch.tensor([nan, inf]), torch.tensor([nan, inf])) == 0
    assert largest_difference(torch.tensor([1.0]), torch.tensor([inf])) == inf
    gap = largest_difference(torch.tensor([1.0, 2.0]), torch.tensor([nan, 9.0]))
    assert gap != gap
    assert largest_difference(torch.empty(0), torch.empty(0)) == 0
    low, high = torch.tensor([-(2**62)]), torch.tensor([2**62])
    assert largest_difference(low, high) == 2.0**63
    assert largest_difference(torch.tensor([True]), torch.tensor([False])) == 1
    assert largest_difference(torch.tensor([3 + 4j]), torch.tensor([0j])) == 5


def test_large_whole_numbers_that_float64_takes_for_equal_are_told_apart():
    big = torch.tensor([2**60, 5])
    assert largest_difference(big, big + torch.tensor([1, 0])) == 1
    assert largest_difference(big, big.clone()) == 0


def test_files_that_differ_only_in_spelling_are_told(tmp_path):
    a, b = make(tmp_path / "a"), tmp_path / "b"
    with artifact.create(b, kind="test/model") as draft:
        draft.tensors("model", {"w": torch.zeros(2, 3)}, metadata={"note": 1})
        draft.text("metrics.json", (a / "metrics.json").read_text())
        draft.text("recipe.yaml", "# the same\n" + (a / "recipe.yaml").read_text())
        draft.json("extra/items.json", [])
        draft.text("extra/notes.safetensors.txt", "x")
        draft.describe(seed=7, device="cpu", epochs=3, inputs=[INPUT])
    found = artifact.diff(a, b)
    assert (found["tensors"], found["recipe"], found["manifest"]) == ({}, {}, {})
    assert found["files"] == {
        "model.safetensors": "other bytes, equal content",
        "recipe.yaml": "other bytes, equal content",
        "extra/notes.safetensors.txt": "only in b",
    }
    assert found["same"] is False


def test_inspect_shows_people_what_it_is(mirctl, pair):
    ran = mirctl("artifact", "inspect", pair[0], "--tensors")
    assert ran.code == 0
    for text in ("test/model", "seed: 7", "data.items (../items.csv)", "epochs: 3", "0.5000"):
        assert text in ran.out
    assert "w       float32  2 x 3  24 B" in ran.out


def test_inspect_gives_programs_one_document(mirctl, pair):
    found = json.loads(mirctl("artifact", "inspect", pair[0], "--json").out)
    assert found["kind"] == "test/model"
    assert found["metrics"]["ndcg@10"]["value"] == 0.5
    assert found["tensors"]["model"]["w"] == {"dtype": "float32", "shape": [2, 3], "bytes": 24}


def test_inspect_names_the_tensor_an_alias_stands_for(mirctl, tmp_path):
    shared = torch.ones(3)
    out = make(tmp_path / "a", one=shared, two=shared)
    assert "as one" in mirctl("artifact", "inspect", out, "--tensors").out


def test_diff_shows_people_a_line_a_difference(mirctl, pair):
    ran = mirctl("artifact", "diff", *pair)
    assert ran.code == 0
    assert "recipe train.lr: 0.1 -> 0.2 (+0.1)" in ran.out
    assert "ndcg@10  0.5000  0.7500  0.2500" in ran.out
    assert "model: 4 tensors changed" in ran.out
    ran = mirctl("artifact", "diff", *pair, "--tensors")
    assert "tensor model/w: float32 [2, 3], differs by up to 0.25" in ran.out
    assert "tensor model/wide: float32 [2] -> (absent)" in ran.out
    assert "file extra/items.json: differs" in ran.out
    assert json.loads(mirctl("artifact", "diff", *pair, "--json").out)["same"] is False
    assert "no differences" in mirctl("artifact", "diff", pair[0], pair[0]).out


def test_verify_exits_4_and_names_each_damaged_file(mirctl, pair):
    good = mirctl("artifact", "verify", pair[0])
    assert (good.code, "whole" in good.out) == (0, True)
    (pair[0] / "metrics.json").unlink()
    (pair[0] / "stray").write_text("x")
    bad = mirctl("artifact", "verify", pair[0])
    assert (bad.code, bad.out) == (4, "")
    assert "metrics.json: is missing" in bad.err
    assert "stray: is not in the manifest" in bad.err


def test_verify_gives_programs_one_document_also_on_failure(mirctl, pair):
    (pair[0] / "metrics.json").unlink()
    ran = mirctl("artifact", "verify", pair[0], "--json")
    found = json.loads(ran.out)
    assert ran.code == found["error"]["code"] == 4
    assert found["whole"] is False
    assert found["problems"] == ["metrics.json: is missing"]


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_folder_that_is_no_artifact_is_exit_4(mirctl, tmp_path, command):
    ran = mirctl("artifact", command, tmp_path)
    assert ran.code == 4
    assert "no manifest.json" in ran.err


def test_a_broken_recipe_is_the_artifacts_fault(mirctl, tmp_path):
    for name in "ab":
        with artifact.create(tmp_path / name, kind="k") as draft:
            draft.text("recipe.yaml", "a: [1")
    assert mirctl("artifact", "diff", tmp_path / "a", tmp_path / "b").code == 4


@pytest.mark.parametrize(("loader", "found"), [("no.such:load", 0), ("artifact_loader:load", 1)])
def test_verify_asks_the_plugin_of_the_kind(tmp_path, monkeypatch, capsys, loader, found):
    def load(folder):
        raise ArtifactError("its heart is missing", where=str(folder))

    monkeypatch.setitem(sys.modules, "artifact_loader", SimpleNamespace(load=load))
    kinds = [ArtifactKind("test/model", 2, loader)]
    monkeypatch.setattr("mirctl.plugins.results", lambda hook: kinds)
    problems = artifact.verify(make(tmp_path / "art"))
    assert ["its heart is missing" in problem for problem in problems] == [True] * found
    assert ("not looked at" in capsys.readouterr().err) == (not found)
