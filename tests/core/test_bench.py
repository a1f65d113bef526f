"""`mirctl bench`: artifacts of any kind beside each other, by hand and of real runs."""

import csv
import json
import os
from pathlib import Path

import pytest

from mirctl import artifact
from mirctl.bench import reading

PC = {"system": "Linux", "processor": "x86_64", "cpu": "PC 5", "cores": 2, "threads": 1}
CARD = PC | {"cuda": "Card 9"}
SHA = "a" * 64


def spent(seconds=1.0, parameters=10, memory=100, machine=PC, **more):
    return {
        "epoch_seconds": seconds,
        "epochs": 3.0,
        "cpu_seconds": 9.5,
        "trainable_parameters": parameters,
        "peak_anonymous_bytes": memory,
        "peak_cuda_bytes": None,
        "machine": machine,
        **more,
    }


def make(folder, efficiency=None, metrics=None, kind="adapt/recommender", **described):
    """An artifact that records this."""
    found = {"hr@5": 0.3, "ndcg@10": {"value": 0.25, "low": 0.2, "high": 0.3, "n": 60}}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with artifact.create(folder, kind, 1) as draft:
        draft.json("metrics.json", found if metrics is None else metrics)
        if efficiency is not None:
            draft.json("efficiency.json", efficiency)
        draft.describe(**{"device": "cpu", "seed": 1, **described})
    return folder


@pytest.fixture
def bench(mirctl):
    """Runs it with --json; gives the document and what people are told."""

    def run(*arguments, code=0):
        ran = mirctl("bench", *arguments, "--json")
        assert ran.code == code, ran.err
        return json.loads(ran.out), ran.err

    return run


@pytest.fixture
def three(tmp_path):
    """Three runs whose TPME is 1, .02 and .45."""
    make(tmp_path / "a", spent(100, 50, 8000))
    make(tmp_path / "b", spent(20, 10, 2000))
    make(tmp_path / "c", spent(60, 0, 5000))
    return [tmp_path / name for name in "abc"]


def test_figures_are_those_that_are_recorded_and_tpme_is_as_by_hand(bench, three):
    told, err = bench(*three)
    found = told["metrics"]
    assert [found[f"{name}.tpme"]["value"] for name in "abc"] == pytest.approx([1.0, 0.02, 0.45])
    assert told["tpme_over"] == ["a", "b", "c"]
    assert found["a.ndcg@10"] == {"value": 0.25, "low": 0.2, "high": 0.3, "n": 60}
    assert found["b.epoch_seconds"] == {"value": 20, "unit": "s"}
    assert found["b.memory_bytes"] == {"value": 2000, "unit": "bytes of RAM"}
    assert told["artifacts"][2]["artifact"] == str(three[2])
    assert told["warnings"] == []
    assert err == ""


def test_tables_for_people(mirctl, three):
    ran = mirctl("bench", *three)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    told = ("a", "adapt/recommender", "ndcg@10", "0.2500 [0.2000, 0.3000]", "60")
    assert lines[1] == f"{told[0]:10}{told[1]}  {told[2]}  {told[3]}  {told[4]}"
    assert lines[6].split() == ["a", "100", "3", "9.5", "50", "8", "kB", "RAM", "1.000"]
    assert "over a, b, c." in ran.out
    assert max(map(len, lines)) <= 100


def test_a_metric_is_chosen_by_the_user(bench, three):
    told, _ = bench(*three, "--metric", "hr@5")
    assert told["metrics"]["a.hr@5"] == {"value": 0.3}
    told, _ = bench(*three, "--metric", "hr@6", code=2)
    assert "did you mean 'hr@5'" in told["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "metrics", "shown", "less"),
    [
        ("adapt/recommender", {"hr@5": 1, "ndcg@10": 2}, "ndcg@10", False),
        ("impute/table", {"accuracy": 1, "nrmse": 2}, "nrmse", True),
        ("impute/table", {"accuracy": 1}, "accuracy", False),
        ("stranger/thing", {"valid/f1": 1, "f1": 2}, "f1", False),
        ("stranger/thing", {}, None, False),
    ],
)
def test_what_quality_is_says_the_kind(bench, tmp_path, kind, metrics, shown, less):
    make(tmp_path / "it", spent(), metrics, kind)
    (facts,) = bench(tmp_path / "it")[0]["artifacts"]
    assert (facts["metric"], facts["less_is_better"]) == (shown, less)


def test_of_one_artifact_there_is_no_tpme_and_it_is_told_why(mirctl, tmp_path):
    ran = mirctl("bench", make(tmp_path / "it", spent()))
    assert ran.code == 0
    assert "No TPME: of two at least" in ran.out


def test_what_is_not_recorded_is_empty_and_not_guessed(bench, tmp_path):
    make(tmp_path / "a", spent(1))
    make(tmp_path / "b", spent(2))
    make(tmp_path / "counted", spent(None, None, 50))
    make(tmp_path / "silent")
    told, err = bench(*(tmp_path / name for name in ("a", "b", "counted", "silent")))
    assert told["tpme_over"] == ["a", "b"]
    assert told["metrics"]["counted.memory_bytes"]["value"] == 50
    assert told["metrics"]["counted.epoch_seconds"]["value"] is None
    assert told["metrics"]["silent.tpme"]["value"] is None
    assert "silent: no efficiency.json" in err


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"machine": PC | {"cpu": "Mac 1"}}, "Mac 1, 2 cores, 1 thread"),
        ({"machine": PC | {"threads": 2}}, "PC 5, 2 cores, 2 threads"),
        ({"precision": "bf16"}, "bf16"),
        ({"processes": 4}, "4 processes"),
    ],
)
def test_runs_on_other_machines_are_not_to_be_compared(bench, tmp_path, other, told):
    make(tmp_path / "a", spent(1))
    make(tmp_path / "b", spent(2, **other))
    document, err = bench(tmp_path / "a", tmp_path / "b")
    (warning,) = document["warnings"]
    assert warning.startswith(
        "seconds, memory and TPME cannot be compared: a on cpu (PC 5, 2 cores"
    )
    assert told in warning
    assert err == f"warning: {warning}\n"


def test_memory_of_a_card_is_not_mixed_with_ram(mirctl, tmp_path):
    on_card = spent(1, 10, 5e9, CARD, peak_cuda_bytes=2 * 10**9, precision="bf16")
    make(tmp_path / "a", on_card, device="cuda:0")
    make(tmp_path / "b", spent(2, 10, 4 * 10**8))
    ran = mirctl("bench", tmp_path / "a", tmp_path / "b")
    assert "2 GB CUDA" in ran.out
    assert "400 MB RAM" in ran.out
    assert "No TPME: memory is partly of CUDA and partly RAM" in ran.out
    assert "a on cuda (Card 9), bf16; b on cpu (PC 5" in ran.err


def test_quality_on_other_data_is_not_to_be_compared(bench, tmp_path):
    same = [{"name": "data.items", "sha256": SHA}]
    for name, sha in (("a", SHA), ("b", SHA), ("c", "b" * 64)):
        clicks = {"name": "data.interactions", "sha256": sha}
        make(tmp_path / name, spent(), inputs=[*same, clicks])
    (warning,) = bench(*(tmp_path / name for name in "abc"))[0]["warnings"]
    assert "data.interactions of c is not that of a, b" in warning


def test_artifacts_of_two_plugins_stand_beside_each_other(bench, mirctl, tmp_path):
    make(tmp_path / "a", spent(1))
    make(tmp_path / "t", spent(3, 30, 50), {"nrmse": 0.5}, "impute/table")
    told, err = bench(tmp_path / "a", tmp_path / "t")
    assert told["metrics"]["t.nrmse"]["value"] == 0.5
    assert told["metrics"]["t.tpme"]["value"] == pytest.approx(0.55)
    assert "adapt/recommender, impute/table are different work" in err


def test_names_are_the_shortest_that_tell_apart(bench, tmp_path):
    for name in ("x/seed=0/id", "x/seed=1/id", "x/seed=1/pop", "y/seed=0/id"):
        make(tmp_path / name, spent())
    told, _ = bench(tmp_path)
    names = [row["name"] for row in told["artifacts"]]
    assert names == ["x/seed=0/id", "seed=1/id", "pop", "y/seed=0/id"]


def test_a_folder_stands_for_the_artifacts_in_it(bench, tmp_path):
    make(tmp_path / "race" / "one", spent(1))
    make(tmp_path / "race" / "one" / "deep", spent(1), {"ndcg@10": 1})
    make(tmp_path / "race" / "two.partial" / "old", spent(1))
    (tmp_path / "race" / "logs").mkdir()
    told, _ = bench(tmp_path / "race")
    assert [row["name"] for row in told["artifacts"]] == ["one"]


def test_an_artifact_of_the_hub_has_the_name_that_was_given(bench, tmp_path, monkeypatch):
    made = make(tmp_path / "cached" / "artifact", spent())
    found = {"ada/shop@v1": made}
    monkeypatch.setattr("mirctl.hub.artifact_folder", lambda name: found.get(name, Path(name)))
    make(tmp_path / "artifact", spent())
    told, _ = bench("ada/shop@v1", tmp_path / "artifact")
    assert [row["name"] for row in told["artifacts"]] == ["ada/shop@v1", "artifact"]


def test_a_gate_is_of_one_artifact(bench, three, tmp_path):
    bench(*three, "--require", "a.ndcg@10>=0.2", "--require", "c.memory_bytes<6000")
    told, err = bench(*three, "--require", "a.tpme<0.5", code=1)
    assert "a.tpme is 1.0" in told["error"]["message"]
    assert "a.tpme is 1.0" in err
    told, _ = bench(*three, "--require", "a.ndgc@10>=0.2", code=2)
    assert "a.ndcg@10" in told["error"]["message"]
    make(tmp_path / "silent")
    told, _ = bench(*three, tmp_path / "silent", "--require", "silent.tpme<1", code=1)
    assert "undefined" in told["error"]["message"]


def test_a_gate_takes_names_of_a_sweep(bench, tmp_path):
    for name in ("seed=0/id", "seed=1/id"):
        make(tmp_path / name, spent())
    bench(tmp_path, "--require", "seed=1/id.ndcg@10>=0.2")
    bench(tmp_path, "--require", "seed=1/id.ndcg@10>=0.3", code=1)
    bench(tmp_path, "--require", "seed=1/id.ndcg@10=>0.3", code=2)


def test_a_table_and_a_picture_are_written(bench, three, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    told, _ = bench(*three, "--out", out)
    with open(out / "bench.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    for row in rows:
        assert float(row["tpme"]) == told["metrics"][f"{row['name']}.tpme"]["value"]
        assert float(row["low"]) == 0.2
    assert (out / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (out / "pareto.svg").read_bytes()
    assert bench(*three, "--out", out, code=2)[0]["error"]["where"] == str(out)
    bench(*three, "--out", out, "--force")
    bench(*three, "--out", three[0], "--force", code=2)
    assert (three[0] / "manifest.json").is_file()


def test_different_metrics_have_no_picture(bench, tmp_path):
    make(tmp_path / "a", spent())
    make(tmp_path / "t", spent(), {"nrmse": 0.5}, "impute/table")
    _, err = bench(tmp_path / "a", tmp_path / "t", "--out", tmp_path / "out")
    assert "no picture will be drawn: quality is of different metrics" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bench.csv"]


@pytest.mark.parametrize(
    ("efficiency", "told"),
    [
        ({"epoch_seconds": "fast"}, "epoch_seconds is 'fast'"),
        ({"peak_anonymous_bytes": -1}, "peak_anonymous_bytes is '-1'"),
        ([], "is no object"),
    ],
)
def test_figures_that_are_none_are_a_bad_artifact(bench, tmp_path, efficiency, told):
    make(tmp_path / "it", efficiency)
    document, _ = bench(tmp_path / "it", code=4)
    assert told in document["error"]["message"]
    assert document["error"]["where"] == str(tmp_path / "it")


@pytest.mark.parametrize("machine", [None, 7, {}, {"cuda": {"a": 1}, "cores": "two"}, {"cpu": 3}])
def test_an_odd_machine_harms_nothing(mirctl, tmp_path, machine):
    make(tmp_path / "a", spent(machine=machine))
    make(tmp_path / "b", spent(), {"ndcg@10": {"value": None, "low": "x", "n": [1], "unit": 5}})
    ran = mirctl("bench", tmp_path / "a", tmp_path / "b")
    assert ran.code == 0, ran.err


def test_what_is_no_artifact_is_told(bench, three, tmp_path):
    (tmp_path / "empty").mkdir()
    (three[1] / "metrics.json").write_text("{}")
    cases = {
        (tmp_path / "gone",): (4, "does not exist"),
        (tmp_path / "empty",): (4, "holds none"),
        (three[0], three[0] / "manifest.json"): (4, "is a file"),
        (three[1],): (4, "metrics.json has 2 bytes"),
        (three[0], f"{tmp_path}/./a"): (2, "named twice"),
        (): (2, "ARTIFACT"),
    }
    for given, (code, told) in cases.items():
        assert told in bench(*given, code=code)[0]["error"]["message"]


def test_a_folder_of_folders_without_end_is_not_looked_through(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FOLDERS", 3)
    (tmp_path / "a/b/c/d/e").mkdir(parents=True)
    assert "name the artifacts" in bench(tmp_path, code=2)[0]["error"]["message"]


def test_names_from_elsewhere_do_not_act_on_a_terminal(mirctl, tmp_path):
    make(tmp_path / "a\x1b[31m", spent(machine=PC | {"cpu": "\x1b[2J"}))
    make(tmp_path / "b", spent(), {"ndcg@10\x1b": 1})
    make(tmp_path / os.fsdecode(b"c\xff\n"), spent())
    ran = mirctl("bench", tmp_path, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out + ran.err
    with open(tmp_path / "out" / "bench.csv", newline="", encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)][-1] == "c\\udcff\n"


def test_real_runs_of_two_plugins_tell_all_that_is_shown(bench, mirctl, tiny_catalogue, tmp_path):
    recipe, table = tmp_path / "r.yaml", tmp_path / "t.csv"
    recipe.write_text(
        f"uses: adapt/run\ndata: {{interactions: {tiny_catalogue}/interactions.csv, "
        f"items: {tiny_catalogue}/items.csv}}\nmodel: {{method: id, dim: 8, user_layers: 1}}\n"
        "train: {epochs: 1, batch_size: 32}\n"
    )
    table.write_text("a,b\n" + "".join(f"{i % 7},{2 * (i % 7)}\n" for i in range(120)))
    small = ["model.width=16", "model.heads=2", "train.epochs=1", "train.epoch_rows=256"]
    for arguments in (["run", recipe], ["impute", "fit", table, *small]):
        ran = mirctl(*arguments, "--out", tmp_path / str(arguments[0]))
        assert ran.code == 0, ran.err
    told, _ = bench(tmp_path / "run", tmp_path / "impute")
    assert told["tpme_over"] == ["run", "impute"]
    assert all(entry["value"] is not None for entry in told["metrics"].values())
    assert {row["metric"] for row in told["artifacts"]} == {"ndcg@10", "nrmse"}
    assert all(row["place"].endswith("fp32") for row in told["artifacts"])
    assert len({row["place"] for row in told["artifacts"]}) == 1
