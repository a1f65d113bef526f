"""Real sentences, their real readers, and MiniLM, where it can be fetched."""

import csv
import json

import pytest

pytest.importorskip("wordfreq")
pytestmark = [pytest.mark.slow, pytest.mark.real]


def test_what_minilm_shares_with_readers_is_length_and_frequency(mirctl, real_data, tmp_path):
    corpus = real_data / "reading-cmcl2021" / "valid.csv"
    ran = mirctl("gaze", "import", "--from", "cmcl", corpus, "--out", tmp_path / "cmcl")
    assert ran.code == 0, ran.err
    gaze, out = tmp_path / "cmcl" / "measures.csv", tmp_path / "rho.csv"
    line = ("gaze", "correlate", "--gaze", gaze, "--model", "minilm", "--out", out, "--json")
    ran = mirctl(*line, "--device", "cpu", "--require", "received_TRT>=0.45")
    if ran.code == 5:
        pytest.skip(f"the weights cannot be had: {ran.err}")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["trials"], told["left_out"], told["unusable"]) == (200, [], [])
    assert told["metrics"]["received_TRT"]["value"] == pytest.approx(0.529, abs=0.01)
    assert abs(told["metrics"]["received_TRT_partial"]["value"]) < 0.05
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 5 * 7
    by_score = {
        name: [row["rho"] for row in rows if row["score"] == name]
        for name in ("received", "column")
    }
    received, column = (map(float, values) for values in by_score.values())
    assert list(received) == pytest.approx(list(column), abs=1e-3)  # an encoder sees all
