"""`fuse bench`: what is recorded of models, and what is measured of their indexes."""

import csv
import json
import shutil

import numpy as np
import pytest

from mirctl import artifact
from mirctl.conformance.running import run
from mirctl_fuse.benching import measuring
from mirctl_fuse.searching import Search

pytest.importorskip("faiss")


@pytest.fixture(scope="module")
def learned(index):
    """An index of the same model that can be searched approximately."""
    out = index.parent / "learned"
    ran = run("fuse", "index", index.parent / "model", "--out", out, "--approximate", "hnsw")
    assert ran.code == 0, ran.err
    return out


@pytest.fixture
def bench(mirctl):
    """Runs it with --json; gives the document and what people are told."""

    def ask(*arguments, code=0):
        ran = mirctl("fuse", "bench", *arguments, "--json")
        assert ran.code == code, ran.err
        return json.loads(ran.out), ran.err

    return ask


def test_models_are_as_in_bench_and_indexes_are_measured(bench, mirctl, index, learned):
    told, err = bench(index, learned)
    assert err == ""
    recorded = json.loads(mirctl("bench", index.parent / "model", "--json").out)["metrics"]
    assert told["metrics"].items() >= recorded.items()
    assert [(one["name"], one["model"], one["ways"]) for one in told["indexes"]] == [
        ("index", "model", ["exact", "a user", "a text"]),
        ("learned", "model", ["exact", "hnsw", "a user", "a text"]),
    ]
    for one in ("index.exact", "learned.exact", "learned.hnsw", "index.a_user", "index.a_text"):
        p50, p99 = (told["metrics"][f"{one}.{key}_ms"]["value"] for key in ("p50", "p99"))
        assert 0 < p50 <= p99
    assert told["measured_on"]["device"] == "cpu"
    assert told["measured_on"]["cores"]


def test_sizes_and_seconds_are_those_of_the_files(bench, learned):
    found = bench(learned)[0]["metrics"]
    spaces = sum(file.stat().st_size for file in (learned / "spaces").iterdir())
    more = sum(file.stat().st_size for file in (learned / "approximate").iterdir())
    assert found["learned.exact.size_bytes"]["value"] == spaces
    assert found["learned.hnsw.size_bytes"]["value"] == spaces + more
    phases = json.loads((learned / "efficiency.json").read_text())["phases"]
    first, second = (phases[name]["seconds"] for name in ("items to vectors", "approximate search"))
    assert found["learned.exact.build_seconds"]["value"] == first
    assert found["learned.hnsw.build_seconds"]["value"] == pytest.approx(first + second)


def test_recall_is_over_the_models_users(bench, learned):
    found = bench(learned)[0]
    search = Search(learned, None, "cpu")
    people = [search.query({"user": name}, "") for name in search.users]
    queries = np.stack([own["item"] for own in search.vectors(people, apart=False)])
    scores = queries @ search.index.spaces["item"].vectors.numpy().T
    best = -np.sort(-scores, axis=1)[:, 9:10]
    asked = search.vectors(people, apart=False)
    mine = [search.index.search("item", own["item"][None], 10, approximate=True) for own in asked]
    wanted = np.mean([one.scores.numpy() >= least - 1e-5 for one, least in zip(mine, best)])
    told = found["metrics"]["learned.hnsw.recall@10"]
    assert told["value"] == pytest.approx(wanted, abs=1e-3)
    assert told["n"] == len(people)
    assert found["metrics"]["learned.exact.recall@10"] == {"value": 1.0}
    assert found["indexes"][0]["queries"] == f"{len(people)} users"


def test_tables_for_people(mirctl, learned):
    ran = mirctl("fuse", "bench", learned)
    assert ran.code == 0, ran.err
    table = ran.out[ran.out.index("index  ") :].splitlines()
    assert table[0].split()[:4] == ["index", "asked", "build", "s"]
    assert [line.split()[:2] for line in table[1:3]] == [["learned", "exact"], ["learned", "hnsw"]]
    assert max(map(len, table)) <= 80
    assert "learned by 60 users" in " ".join(table)


def test_a_gate_decides_and_knows_the_metrics(bench, learned):
    told, err = bench(learned, "--require", "learned.hnsw.recall@10>=1.1", code=1)
    assert told["error"]["code"] == 1
    assert "learned.hnsw.recall@10" in err
    told, _ = bench(learned, "--require", "learned.hnsw.recal@10>=0", code=2)
    assert "did you mean 'learned.hnsw.recall@10'" in told["error"]["message"]


def test_a_folder_of_results_is_written_once(mirctl, learned, tmp_path):
    out = tmp_path / "bench"
    assert mirctl("fuse", "bench", learned, "--out", out, "--quiet").code == 0
    names = {file.name for file in out.iterdir()}
    assert {"bench.csv", "search.csv"} <= names
    pytest.importorskip("matplotlib")
    assert names == {"bench.csv", "search.csv", "pareto.svg", "pareto.png"}
    with (out / "search.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["asked"] for row in rows] == ["exact", "hnsw", "a user", "a text"]
    assert mirctl("fuse", "bench", learned, "--out", out).code == 2
    assert mirctl("fuse", "bench", learned, "--out", out, "--force", "--quiet").code == 0


def test_a_model_alone_is_shown_as_in_bench(bench, index, mirctl):
    model = index.parent / "model"
    assert bench(model)[0]["indexes"] == []
    assert mirctl("fuse", "bench", model).out == mirctl("bench", model).out


def test_an_index_whose_model_went_is_asked_by_its_own_vectors(bench, index, tmp_path):
    alone = tmp_path / "a" / "index"
    shutil.copytree(index, alone)
    told, err = bench(alone)
    assert "its model is not there" in err
    (one,) = told["indexes"]
    assert (one["model"], one["queries"], one["ways"]) == (None, "30 vectors of items", ["exact"])
    told, err = bench(alone, index.parent / "model")
    assert told["indexes"][0]["model"] == "model"


def test_other_artifacts_and_damage_are_refused(bench, index, tmp_path):
    other = tmp_path / "other"
    with artifact.create(other, "adapt/recommender", 1) as draft:
        draft.json("metrics.json", {})
    assert "`mirctl bench` compares any" in bench(other, code=2)[0]["error"]["message"]
    bench(tmp_path / "none", code=4)
    assert bench(index, "--metric", "no", code=2)[0]["error"]["message"]


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        (3, {}),
        ({"items to vectors": 3}, {}),
        ({"approximate search": {"seconds": 2}}, {}),
        ({"items to vectors": {"seconds": 3}}, {"items to vectors": 3}),
    ],
)
def test_what_building_took_is_not_guessed(phases, told, tmp_path):
    with artifact.create(tmp_path / "it", "fuse/index", 1) as draft:
        draft.json("efficiency.json", {"phases": phases})
    assert measuring._build(artifact.open_artifact(tmp_path / "it")) == told
