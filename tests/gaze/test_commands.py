"""The commands from samples to measures, through the real command line."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from mirctl.tables import open_stream
from mirctl_gaze import detection
from shell import pipe


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def table(path):
    """Column -> its cells as text."""
    blocks = list(open_stream(path).blocks(10**6))
    return blocks[0].cells if blocks else {}


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_the_words_of_a_recording_are_recovered(mirctl, place, made, method):
    line = ["detect", "samples.csv", "--ppd", "30", "--method", method, "-o", "f.csv"]
    assert mirctl("gaze", *line).code == 0
    assert mirctl("gaze", "assign", "f.csv", "--words", "words.csv", "-o", "a.csv").code == 0
    found = table(place / "a.csv")
    start, stop = (np.array(found["start"], float), np.array(found["duration"], float))
    middle = start + stop / 2
    truth = np.searchsorted(made.start, middle, "right") - 1
    right = [cell == str(made.word[i]) for cell, i in zip(found["word"], truth)]
    assert np.mean(right) >= 0.97
    assert len(right) >= 0.9 * len(made.word)


def test_samples_become_measures_in_a_pipe(place, made):
    line = (
        "cat samples.csv | mirctl gaze detect - --ppd 30 "
        "| mirctl gaze assign - --words words.csv | mirctl gaze measures - --words words.csv"
    )
    done = pipe(line, place)
    assert done.codes == [0] * 4, done.err
    rows = rows_of(done.out)
    times = np.bincount(made.word, made.stop - made.start, minlength=len(rows))
    got = np.array([float(row["TRT"]) for row in rows])
    fine = ~np.isin(np.arange(len(rows)), made.word[made.blinked])
    assert np.mean(np.abs(got - times)[fine] <= 25) >= 0.9
    assert [row["text"] for row in rows[:2]] == ["word0", "word1"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_each_format_gives_the_same_measures(mirctl, place, kind):
    base = ["gaze", "detect", "samples.csv", "--ppd", "30", "-o"]
    assert mirctl(*base, f"f.{kind}").code == 0
    for source, step, target in (("f", "assign", "a"), ("a", "measures", "m")):
        line = ["gaze", step, f"{source}.{kind}", "--words", "words.csv", "-o", f"{target}.{kind}"]
        assert mirctl(*line).code == 0
    found = table(place / f"m.{kind}")
    assert list(found) == [
        "reader",
        "trial",
        "word",
        "text",
        "nFix",
        "FFD",
        "GD",
        "GPT",
        "TRT",
        "first_duration",
        "skip",
        "reg_in",
        "reg_out",
        "fixProp",
    ]
    fixated = [float(n) > 0 for n in found["nFix"]]
    assert 0.5 < np.mean(fixated) <= 1
    durations = zip(found["first_duration"], fixated)
    assert all((cell in (None, "")) != known for cell, known in durations)


def test_the_mean_over_readers_counts_them(mirctl, write):
    write("words.csv", "trial,word,text", "t,1,one", "t,2,two", "t,3,three")
    write(
        "a.csv", "reader,trial,word,duration", "anna,t,1,100", "anna,t,2,200", "bert,t,1,300",
        "bert,t,3,100",
    )  # fmt: skip
    line = ["gaze", "measures", "a.csv", "--words", "words.csv", "--mean", "-o", "m.csv", "--json"]
    ran = mirctl(*line)
    assert ran.code == 0
    assert json.loads(ran.out)["trials"] == 2
    found = table("m.csv")
    assert found["readers"] == ["2", "2", "2"]
    assert found["FFD"] == ["200", "200", "100"]  # of those who have one
    assert found["TRT"] == ["200", "100", "50"]
    assert found["fixProp"] == ["1", "0.5", "0.5"]


def test_trials_may_go_over_blocks_of_rows(mirctl, place, monkeypatch):
    from mirctl_gaze import assigning, boxes, detecting, measuring

    def results():
        made = mirctl("gaze", "detect", "samples.csv", "--ppd", "30", "-o", "f.csv", "--force")
        assert made.code == 0
        lines = [["assign", "f.csv", "--words", "words.csv", "-o", "a.csv", "--force"],
                 ["measures", "a.csv", "--words", "words.csv"]]  # fmt: skip
        return [mirctl("gaze", *line).out for line in lines], Path("a.csv").read_text()

    whole = results()
    for module, size in ((detecting, 999), (assigning, 7), (boxes, 5), (measuring, 3)):
        monkeypatch.setattr(module, "ROWS", size)
    assert results() == whole


def test_a_summary_says_what_was_found_and_lost(mirctl, place, made):
    line = ["detect", "samples.csv", "--ppd", "30", "-o", "f.csv", "--saccades", "s.csv", "--json"]
    ran = mirctl("gaze", *line)
    told = json.loads(ran.out)
    assert told["samples"] == len(made.time)
    assert told["lost_samples"] == np.isnan(made.x).sum()
    assert told["fixations"] == len(table("f.csv")["x"])
    assert told["saccades"] == len(table("s.csv")["x0"])
    ran = mirctl("gaze", "assign", "f.csv", "--words", "words.csv", "-o", "a.csv", "--json")
    told = json.loads(ran.out)
    assert told["assigned"] == sum(cell != "" for cell in table("a.csv")["word"])
    assert told["metrics"]["dropped_share"]["value"] == pytest.approx(
        1 - told["assigned"] / told["fixations"]
    )


def test_a_gate_decides_by_what_was_lost_and_dropped(mirctl, place):
    line = ["gaze", "detect", "samples.csv", "--ppd", "30", "-o", "f.csv", "--force"]
    assert mirctl(*line, "--require", "lost_share<=0.2").code == 0
    ran = mirctl(*line, "--require", "lost_share<=0", "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (1, 1)
    ran = mirctl(*line, "--require", "lost<=0")
    assert (ran.code, "known: lost_share, mean_duration" in ran.err) == (2, True)
    line = ["gaze", "assign", "f.csv", "--words", "words.csv", "--require", "dropped_share<=0.05"]
    assert mirctl(*line).code == 0


def test_saccades_join_the_fixations_they_lie_between(mirctl, place):
    line = ["detect", "samples.csv", "--ppd", "30", "-o", "f.csv", "--saccades", "s.csv"]
    assert mirctl("gaze", *line).code == 0
    fixations, saccades = table("f.csv"), table("s.csv")
    ends = {float(a) + float(b) for a, b in zip(fixations["start"], fixations["duration"])}
    starts = set(map(float, fixations["start"]))
    for begin, duration, speed in zip(
        saccades["start"], saccades["duration"], saccades["peak_velocity"]
    ):
        assert float(begin) in ends
        assert float(begin) + float(duration) in starts
        assert float(speed) >= 30


def test_other_columns_and_rows_stay_as_they_are(mirctl, write):
    write("words.csv", "trial,word,text,x0,y0,x1,y1", "1,1,one,0,0,40,20", "1,2,two,50,0,90,20")
    write("f.csv", "trial,pupil,x,y,note", '1,3.10,20,10,"a, b"', "1,,70,12,", "1,4,NA,3,x")
    ran = mirctl("gaze", "assign", "f.csv", "--words", "words.csv", "-o", "a.csv")
    assert ran.code == 0
    assert "row 3 (no x or y)" in ran.err
    lines = Path("a.csv").read_text().splitlines()
    assert lines[1] == '1,3.10,20,10,"a, b",1,1,0'
    assert lines[2:] == ["1,,70,12,,1,2,0", "1,4,NA,3,x,,,"]


def test_a_word_that_is_broken_in_two_lines_is_one_word(mirctl, write):
    write(
        "words.csv", "word,text,x0,y0,x1,y1", "1,one,0,0,40,20", "2,bro-,50,0,90,20",
        "2,ken,0,60,40,80", "3,end,50,60,90,80",
    )  # fmt: skip
    write("f.csv", "x,y,duration", "20,10,100", "70,10,110", "20,70,120", "70,70,130")
    assert mirctl("gaze", "assign", "f.csv", "--words", "words.csv", "-o", "a.csv").code == 0
    assert table("a.csv")["word"] == ["1", "2", "2", "3"]
    assert mirctl("gaze", "measures", "a.csv", "--words", "words.csv", "-o", "m.csv").code == 0
    assert table("m.csv")["GD"] == ["100", "230", "130"]


def test_the_nearest_box_and_the_distance_can_be_asked_for(mirctl, write):
    write("words.csv", "word,text,line,x0,y0,x1,y1", "1,one,7,0,0,40,20", "2,two,9,0,60,40,80")
    # The first two say that gaze has drifted down, and so the third is of the first line.
    write("f.csv", "x,y", "5,35", "25,37", "35,45")
    line = ["gaze", "assign", "f.csv", "--words", "words.csv", "-o", "a.csv", "--force"]
    assert mirctl(*line).code == 0
    assert table("a.csv")["line"] == ["7", "7", "7"]
    assert mirctl(*line, "--by", "box").code == 0
    assert table("a.csv")["line"] == ["7", "7", "9"]
    assert table("a.csv")["distance"] == ["15", "17", "15"]
    assert mirctl(*line, "--by", "box", "--max-distance", "16").code == 0
    assert table("a.csv")["word"] == ["1", "", "2"]


def test_a_saccade_goes_from_the_last_sample_of_a_fixation_to_the_first_of_the_next(mirctl, write):
    x = [100] * 100 + [250, 400, 550] + [700] * 100
    write("s.csv", "time,x,y", *(f"{time},{at},50" for time, at in enumerate(x)))
    line = ["detect", "s.csv", "--ppd", "30", "--method", "idt", "-o", "f.csv"]
    assert mirctl("gaze", *line, "--saccades", "j.csv").code == 0
    fixations = rows_of(Path("f.csv").read_text())
    assert [(row["x"], row["y"]) for row in fixations] == [("100", "50"), ("700", "50")]
    (jump,) = rows_of(Path("j.csv").read_text())
    wanted = {"start": 100, "duration": 3, "x0": 100, "x1": 700, "y0": 50, "y1": 50}
    assert {name: float(jump[name]) for name in wanted} == wanted
    assert float(jump["amplitude"]) == 20
    fastest = detection.speed(np.array(x) / 30, np.zeros(203), 5, 0.001).max()
    assert float(jump["peak_velocity"]) == pytest.approx(fastest, abs=1e-3)
