"""Files in the layout of OASST-ETC, written here, go through import into analyse as they are."""

import json

import numpy as np
import pytest

REAL = (
    "number;fix_duration;first_fix_duration;fix_number;fix_duration_n;first_fix_duration_n;"
    "fix_number_n;text"
)
SYNTHETIC = ";fix_number;first_fix_duration;GPT;fix_duration;fixProp;text"


@pytest.fixture
def corpus(write):
    """Two sets of 12 prompts: chosen answers get 40 ms more, predictions know what is hard."""
    rng = np.random.default_rng(8)
    for number in (1, 2):
        for prompt in range(12):
            for answer in (1, 2 + prompt % 3):
                trial = f"{100 * number + prompt}.{answer}"
                hard = 0.03 * rng.standard_normal()
                time = 0.25 + 0.04 * (answer == 1) + hard
                values = time + 0.02 * rng.standard_normal(int(rng.integers(5, 12)))
                write(
                    f"gaze_features_real/set_{number}/word_cor_image_fixations_{trial}.csv", REAL,
                    *(f"{i};{v};{0.8 * v};{4 * v};0;0;0;Word{i}," for i, v in enumerate(values)),
                )  # fmt: skip
                write(
                    f"gaze_features_synthetic/set_{number}/word_gaze_synthetic_{trial}.csv",
                    SYNTHETIC,
                    *(f"{i};15;3;5;{5 + 60 * hard};80;word{i}," for i in range(len(values))),
                )
    return write


def files(tmp_path, kind):
    return sorted((tmp_path / f"gaze_features_{kind}").glob("set_*/*.csv"))


def test_real_and_synthetic_files_side_by_side(mirctl, corpus, tmp_path):
    for kind in ("real", "synthetic"):
        ran = mirctl("gaze", "import", "--from", "oasst-etc", *files(tmp_path, kind), "-o", kind)
        assert ran.code == 0, ran.err
        assert "cannot be used" not in ran.err
    ran = mirctl(
        "gaze", "analyse", "real/measures.csv", "--synthetic", "synthetic/measures.csv", "--json"
    )
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["real"]["pairs"] == told["synthetic"]["pairs"] == 24
    metrics = told["metrics"]
    real = metrics["TRT.difference"]
    assert real["low"] < 40 < real["high"]
    assert metrics["TRT.p_wilcoxon"]["value"] < 0.01
    assert metrics["first_duration.difference"]["value"] == pytest.approx(0.8 * real["value"])
    assert metrics["synthetic.TRT.rho"]["value"] > 0.7
    assert metrics["synthetic.GPT.p_t"]["value"] is None
    assert "synthetic.first_duration.difference" not in metrics


def test_chosen_and_rejected_files_imported_apart_give_the_same(mirctl, corpus, tmp_path):
    every = files(tmp_path, "real")
    chosen = [path for path in every if path.stem.endswith(".1")]
    for name, some in (("all", every), ("a", chosen), ("b", [*{*every} - {*chosen}])):
        ran = mirctl("gaze", "import", "--from", "oasst-etc", *some, "-o", name)
        assert ran.code == 0, ran.err
    wanted = mirctl("gaze", "analyse", "all/measures.csv").out
    found = mirctl(
        "gaze", "analyse", "--chosen", "a/measures.csv", "--rejected", "b/measures.csv"
    ).out
    assert found == wanted
