"""The commands as jobs of a pipeline: the same rows as on the command line."""

import csv
import json

PIPELINE = """\
steps:
  model:
    uses: adapt/run
    data: {interactions: interactions.csv, items: items.csv}
    model: {method: markov}
  measured: {uses: adapt/eval, model: {step: model}}
  again:
    uses: adapt/eval
    model: {step: model}
    data: {interactions: interactions.csv, items: items.csv}
    evaluation: {repeats: allow}
  rows: {uses: adapt/recommend, model: {step: model}, k: 3, out: rows.jsonl}
"""


def test_a_pipeline_from_data_to_recommendations(mirctl, catalogue, tmp_path):
    (catalogue / "pipeline.yaml").write_text(PIPELINE)
    out = tmp_path / "out"
    gate = ["--require", "measured.ndcg@10>=0.9"]
    ran = mirctl("run", catalogue / "pipeline.yaml", "--out", out, *gate, "--json")
    assert ran.code == 0, ran.err
    steps = json.loads(ran.out)["steps"]
    assert steps["measured"]["metrics"] == steps["model"]["metrics"]
    again = mirctl("adapt", "eval", out / "model", "evaluation.repeats=allow", "--json")
    assert steps["again"]["metrics"] == json.loads(again.out)["metrics"]
    with open(out / "measured.csv") as file:
        rows = {row["metric"]: row["value"] for row in csv.DictReader(file)}
    metrics = steps["model"]["metrics"].items()
    assert rows == {name: "" if m["value"] is None else str(m["value"]) for name, m in metrics}
    told = mirctl("adapt", "recommend", out / "model", "--all", "--k", "3").out
    assert (out / "rows.jsonl").read_text() == told


def test_embeddings_are_a_parquet_file_unless_told(mirctl, catalogue, tmp_path, chain):
    (catalogue / "embed.yaml").write_text(
        f"steps: {{vectors: {{uses: adapt/embed, model: {chain}, items: items.csv}}}}"
    )
    ran = mirctl("run", catalogue / "embed.yaml", "--out", tmp_path / "x", "--json")
    told = json.loads(ran.out)
    assert ran.code == 2
    assert told["steps"]["vectors"]["out"] == "vectors.parquet"
    assert "knows items by id alone" in told["error"]["message"]
