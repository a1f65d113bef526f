"""The commands as jobs of a pipeline: the same bytes as on the command line."""

import json

import pytest

from impute.conftest import SMALL, csv_text, rows

PIPELINE = """\
steps:
  fit:
    uses: impute/fit
    data: {table: table.csv}
    model: {width: 32, heads: 2, encoder_layers: 1, decoder_layers: 1, dropout: 0}
    train: {epochs: 1, epoch_rows: 512}
  holes: {uses: impute/mask, table: table.csv, keep: [note], level: 0.2}
  filled: {uses: impute/fill, model: {step: fit}, table: {step: holes}, mark: true}
  made: {uses: impute/sample, model: {step: fit}, rows: 20, given: ["size=10..20"], out: made.tsv}
  judged:
    uses: impute/evaluate
    real: table.csv
    table: {step: filled}
    holes: {step: holes}
    criteria: [filled]
"""


@pytest.fixture
def pipeline(tmp_path):
    (tmp_path / "table.csv").write_text(csv_text(rows(150)))
    path = tmp_path / "pipeline.yaml"
    path.write_text(PIPELINE)
    return path


def test_a_pipeline_makes_what_the_commands_make(mirctl, pipeline, tmp_path):
    out, table = tmp_path / "out", tmp_path / "table.csv"
    ran = mirctl("run", pipeline, "--out", out, "--require", "judged.nrmse<=9", "--json")
    assert ran.code == 0, ran.err
    steps = json.loads(ran.out)["steps"]
    fast = (*SMALL, "train.epoch_rows=512", "train.epochs=1")
    assert mirctl("impute", "fit", table, "--out", tmp_path / "model", *fast).code == 0
    weights = [p / "model.safetensors" for p in (out / "fit", tmp_path / "model")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    holed = mirctl("impute", "mask", table, "--keep", "note", "--level", "0.2").out
    assert (out / "holes.csv").read_text() == holed
    filled = mirctl("impute", "fill", tmp_path / "model", out / "holes.csv", "--mark").out
    assert (out / "filled.csv").read_text() == filled
    given = ["-n", "20", "--given", "size=10..20", "--out", tmp_path / "made.tsv"]
    assert mirctl("impute", "sample", tmp_path / "model", *given).code == 0
    assert (out / "made.tsv").read_text() == (tmp_path / "made.tsv").read_text()
    asked = ["--holes", out / "holes.csv", "--criteria", "filled", "--json"]
    judged = mirctl("impute", "evaluate", table, out / "filled.csv", *asked)
    assert steps["judged"]["metrics"] == json.loads(judged.out)["metrics"]


def test_one_job_is_a_recipe_by_itself(mirctl, learned, holed, tmp_path):
    path = tmp_path / "fill.yaml"
    path.write_text(f"uses: impute/fill\nmodel: {learned}\ntable: {holed}\npoint: true\n")
    assert mirctl("run", path, "--out", tmp_path / "full.csv").code == 0
    told = mirctl("impute", "fill", learned, holed, "--point").out
    assert (tmp_path / "full.csv").read_text() == told
    again = mirctl("run", path, "--out", tmp_path / "full.csv")
    assert (again.code, "add --force" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("filled.draws=0", 2, "greater than or equal to 1"),
        ("filled.point=true", 0, ""),
        ("made.given=[nix=3]", 2, "learned columns: size"),
        ("judged.criteria=[filld]", 2, "did you mean 'filled'"),
        ("holes.keep=[nix]", 2, "no such column"),
    ],
)
def test_what_is_wrong_with_a_job_is_told(mirctl, pipeline, tmp_path, change, code, told):
    ran = mirctl("run", pipeline, change, "--out", tmp_path / "out", "--keep-going")
    assert (ran.code, told in ran.err) == (1 if "nix" in change else code, True), ran.err


def test_a_damaged_model_is_exit_4(mirctl, learned, holed, tmp_path):
    path = tmp_path / "fill.yaml"
    path.write_text(f"uses: impute/fill\nmodel: {tmp_path}\ntable: {holed}\n")
    assert mirctl("run", path, "--out", tmp_path / "full.csv").code == 4
    assert not (tmp_path / "full.csv").exists()


def test_a_sweep_over_settings_and_seeds(mirctl, pipeline, tmp_path):
    out = tmp_path / "out"
    sweep = ["sweep.filled.point=[true,false]", "sweep.filled.seed=[1,2]"]
    ran = mirctl("run", pipeline, *sweep, "--out", out, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert len([name for name in document["steps"] if name.endswith("fit")]) == 1
    means = {row["values"]["filled.point"]: row["metrics"] for row in document["over_seeds"]}
    assert means[True]["judged.nrmse"]["value"] < means[False]["judged.nrmse"]["value"]
