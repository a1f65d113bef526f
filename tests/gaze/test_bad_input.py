"""What is wrong with tables is told with its row, and nothing is dropped in silence."""

import csv
import json
from pathlib import Path

import pytest

WORDS = ("trial,word,text,x0,y0,x1,y1", "t,1,one,0,0,40,20", "t,2,two,50,0,90,20")


def samples(*rows, header="trial,time,x,y"):
    return [header, *rows]


def still(count, x=100, y=100, start=0, step=2):
    return [f"t,{start + i * step},{x},{y}" for i in range(count)]


def detect(mirctl, *more):
    return mirctl("gaze", "detect", "s.csv", "--ppd", "30", "-o", "f.csv", *more)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_time_that_goes_back_is_sorted_and_told(mirctl, write):
    lines = still(100)
    write("s.csv", *samples(*lines[50:], *lines[:50]))
    ran = detect(mirctl)
    assert "time goes back in row 51" in ran.err
    assert [(row["start"], row["duration"]) for row in rows("f.csv")] == [("0", "200")]


def test_a_second_sample_of_one_time_is_named(mirctl, write):
    lines = still(100)
    write("s.csv", *samples(*lines[:40], lines[39], *lines[40:], "t,NA,1,1"))
    ran = detect(mirctl, "--json")
    assert json.loads(ran.out)["unusable"] == [
        {"row": 41, "why": "the time of another sample"},
        {"row": 102, "why": "no time"},
    ]


@pytest.mark.parametrize("missing", ["", ".", "NA", "NaN", " nan ", "inf"])
def test_missing_samples_split_a_fixation(mirctl, write, missing):
    hole = [f"t,{time},{missing},{missing}" for time in range(200, 210, 2)]
    write("s.csv", *samples(*still(100), *hole, *still(100, start=210)))
    assert detect(mirctl).code == 0
    assert [row["start"] for row in rows("f.csv")] == ["0", "210"]


def test_a_closed_pupil_and_gaze_off_the_screen_are_lost(mirctl, write):
    write(
        "s.csv", "time,x,y,pupil", *(f"{i},5,5,3" for i in range(100)),
        *(f"{i},5,5,0" for i in range(100, 120)), *(f"{i},5,5,3" for i in range(120, 220)),
        *(f"{i},-32768,5,3" for i in range(220, 400)),
    )  # fmt: skip
    ran = detect(mirctl, "--screen", "1280x720", "--json")
    told = json.loads(ran.out)
    assert (told["lost_samples"], told["fixations"]) == (200, 2)


def test_gaze_on_the_edge_of_the_screen_is_on_it(mirctl, write):
    write("s.csv", *samples("t,0,0,0", "t,2,1280,720", "t,4,-1,0", "t,6,0,721"))
    told = json.loads(detect(mirctl, "--screen", "1280x720", "--json").out)
    assert told["lost_samples"] == 2


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("trial,time,X,y", "has no column 'x' (its columns: trial, time, X, y)"),
        ("trial,t,x,y", "has no column 'time'"),
        ("trial;time;x;y", "columns are separated by a semicolon"),
        ("trial,time,x,x", "has more than one column 'x'"),
    ],
)
def test_a_header_of_another_kind_is_told(mirctl, write, header, told):
    write("s.csv", header, *still(10))
    ran = detect(mirctl)
    assert (ran.code, ran.out) == (3, "")
    assert told in ran.err
    assert not Path("f.csv").exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("t,9,abc,3", "s.csv, row 4: x is 'abc', which is no number"),
        ('t,9,"1,5",3', "x is '1,5', which is no number: write it with a point"),
        ("t,9,1", "s.csv, row 4: has 3 columns where 4 are expected"),
    ],
)
def test_a_cell_that_is_no_number_is_told_with_its_row(mirctl, write, row, told):
    write("s.csv", *samples(*still(3), row))
    ran = detect(mirctl)
    assert ran.code == 3
    assert told in ran.err
    assert not Path("f.csv").exists()


def test_another_encoding_is_told(mirctl, write):
    write("s.csv", "trial,time,x,y", "té,1,2,3", encoding="iso-8859-1")
    ran = detect(mirctl)
    assert (ran.code, "is not UTF-8" in ran.err) == (3, True)


def test_a_rate_that_is_not_that_of_the_times_is_told(mirctl, write):
    write("s.csv", *samples(*still(200)))
    ran = detect(mirctl, "--hz", "1000")
    assert ran.code == 3
    assert "samples are 2 ms apart, which is 500 Hz, not 1000" in ran.err
    assert detect(mirctl, "--hz", "500").code == 0


def test_without_times_the_rate_is_enough(mirctl, write):
    write("s.csv", "x,y", *["100,100"] * 100)
    assert detect(mirctl).code == 3
    assert detect(mirctl, "--hz", "250").code == 0
    assert rows("f.csv")[0]["duration"] == "400"


def test_a_trial_that_comes_again_is_told(mirctl, write):
    write("s.csv", *samples("a,1,2,3", "b,1,2,3", "a,2,2,3"))
    ran = detect(mirctl)
    assert ran.code == 3
    assert "s.csv, row 3: trial a comes again after others: sort the table" in ran.err


def test_a_trial_without_fixations_is_named(mirctl, write):
    write("s.csv", *samples(*still(100), "empty,1,.,.", "empty,3,.,."))
    ran = detect(mirctl)
    assert ran.code == 0
    assert "no fixation in 1 trial, as trial empty" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ["--speed", "0"], ["--min-duration", "-5"], ["--min-duration", "1"], ["--screen", "wide"],
        ["--saccades", "f.csv"], ["--method", "hmm"],
    ],
)  # fmt: skip
def test_settings_out_of_their_range_are_wrong_usage(mirctl, write, options):
    write("s.csv", *samples(*still(100)))
    assert detect(mirctl, *options).code == 2
    assert not Path("f.csv").exists()


def test_a_result_is_not_replaced_unasked(mirctl, write):
    write("s.csv", *samples(*still(100)))
    write("f.csv", "mine")
    assert detect(mirctl).code == 2
    assert Path("f.csv").read_text() == "mine\n"
    assert detect(mirctl, "--force").code == 0


def assign(mirctl, *more):
    return mirctl("gaze", "assign", "f.csv", "--words", "w.csv", "-o", "a.csv", *more)


def test_words_that_cannot_be_used_are_named(mirctl, write):
    write(
        "w.csv",
        *WORDS,
        "t,3,flat,10,5,10,9",
        "t,4,lost,NA,0,1,1",
        "t,5.5,half,0,0,1,1",
        "t,1e30,big,0,0,1,1",
    )
    write("f.csv", "trial,x,y", "t,20,10")
    ran = assign(mirctl)
    assert ran.code == 0
    assert (
        "4 rows cannot be used: row 3 (an empty box: x0 < x1 and y0 < y1 are wanted), row 4"
        in ran.err
    )


def test_boxes_that_overlap_are_counted(mirctl, write):
    write("w.csv", *WORDS, "t,3,over,30,0,60,20")
    write("f.csv", "trial,x,y", "t,20,10")
    assert "2 pairs of word boxes overlap" in assign(mirctl).err


def test_fixations_far_from_all_words_have_none(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,x,y", "t,20,10", "t,-500,9000")
    ran = assign(mirctl, "--json")
    told = json.loads(ran.out)
    assert (told["assigned"], told["too_far"]) == (1, 1)
    assert told["metrics"]["dropped_share"] == {"value": 0.5, "unit": "share", "n": 2}
    assert rows("a.csv")[1]["word"] == ""


def test_trials_that_do_not_belong_together_are_told(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,x,y", "T1,20,10")
    ran = assign(mirctl)
    assert ran.code == 3
    assert "w.csv: has no trial 'T1', nor any other of the fixations" in ran.err
    assert not Path("a.csv").exists()
    write("f.csv", "trial,x,y", "t,20,10", "other,20,10")
    ran = assign(mirctl)
    assert (ran.code, "no boxes for 1 trial, as 'other'" in ran.err) == (0, True)


def test_words_that_are_assigned_already_are_told(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,x,y,word", "t,20,10,1")
    ran = assign(mirctl)
    assert (ran.code, "has a column 'word' already" in ran.err) == (3, True)


def test_two_tables_do_not_come_from_stdin(mirctl):
    assert mirctl("gaze", "assign", "-", "--words", "-").code == 2


def measures(mirctl, *more):
    return mirctl("gaze", "measures", "f.csv", "--words", "w.csv", "-o", "m.csv", *more)


def test_durations_of_nothing_and_less_are_named(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,word,duration", "t,1,100", "t,2,0", "t,2,-50", "t,1,.", "t,9,70", "t,,60")
    told = json.loads(measures(mirctl, "--json").out)
    assert [one["row"] for one in told["unusable"]] == [2, 3, 4, 5]
    assert told["unusable"][3]["why"] == "its word is not in the text"
    assert told["without_word"] == 1
    assert [row["nFix"] for row in rows("m.csv")] == ["1", "0"]


def test_fixations_without_a_word_leave_the_times_of_others_alone(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,word,duration", "t,,5", "t,1,100", "t,9,7", "t,,60", "t,2,200")
    assert measures(mirctl).code == 0
    assert [(r["FFD"], r["TRT"]) for r in rows("m.csv")] == [("100", "100"), ("200", "200")]


def test_fixations_without_words_ask_for_assign(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,x,y,duration", "t,1,2,100")
    ran = measures(mirctl)
    assert (ran.code, "make it by `gaze assign`" in ran.err) == (3, True)


def test_a_text_that_nobody_read_is_told(mirctl, write):
    write("w.csv", *WORDS, "unread,1,one,0,0,9,9")
    write("f.csv", "trial,word,duration", "t,1,100")
    ran = measures(mirctl)
    assert (ran.code, "1 text (as 'unread') without any fixation" in ran.err) == (0, True)


@pytest.mark.parametrize("text", [["שלום", "עולם"], ["眼", "动"], ["naïve", '"q,u"']])
def test_words_of_any_script_come_out_as_they_went_in(mirctl, write, text):
    cells = ['"' + t.replace('"', '""') + '"' for t in text]
    write("w.csv", "trial,word,text", f"t,1,{cells[0]}", f"t,2,{cells[1]}")
    write("f.csv", "trial,word,duration", "t,1,100")
    assert measures(mirctl).code == 0
    assert [row["text"] for row in rows("m.csv")] == text


@pytest.mark.parametrize("step", [0.001, 1000])
def test_time_in_another_unit_is_told(mirctl, write, step):
    write("s.csv", *samples(*still(100, step=step)))
    ran = detect(mirctl)
    assert (ran.code, "is time in another unit? It is wanted in ms" in ran.err) == (3, True)


@pytest.mark.parametrize("rows", [[], ["t,1,2,3"], ["t,NA,NA,NA", "t,.,,."]])
def test_tables_without_a_fixation_make_an_empty_table(mirctl, write, rows):
    write("s.csv", *samples(*rows))
    assert detect(mirctl).code == 0
    assert Path("f.csv").read_text() == "trial,index,start,duration,x,y\n"


def test_times_that_are_rounded_are_steps_of_one_length(mirctl, write):
    write("s.csv", "time,x,y", *(f"{round(i * 25 / 3)},5,5" for i in range(121)))
    assert detect(mirctl).code == 0
    with open("f.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["duration"]) == pytest.approx(121 * 25 / 3, abs=0.1)


def test_fixations_that_do_not_say_their_trial_belong_to_the_only_one(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "x,y", "20,10")
    assert assign(mirctl).code == 0
    assert rows("a.csv")[0]["word"] == "1"
    write("w.csv", *WORDS, "u,1,one,0,0,40,20")
    ran = assign(mirctl, "--force")
    assert ran.code == 3
    assert "has 2 trials, and the fixations have no column 'trial'" in ran.err


def test_drift_does_not_count_as_distance_nor_a_box_as_too_far_at_the_limit(mirctl, write):
    places = [(60 * word, 70 * line) for line in range(3) for word in range(6)]
    boxes = [f"t,{n + 1},w,{x},{y},{x + 50},{y + 40}" for n, (x, y) in enumerate(places)]
    write("w.csv", WORDS[0], *boxes)
    write("f.csv", "trial,x,y", *(f"t,{x + 25},{y + 48}" for x, y in places))
    told = json.loads(assign(mirctl, "--json").out)
    assert told["assigned"] == 18
    assert {row["distance"] for row in rows("a.csv")[6:]} == {"0"}
    told = json.loads(assign(mirctl, "--by", "box", "--max-distance", "8", "--json", "--force").out)
    assert told["assigned"] == 18
    assert {row["distance"] for row in rows("a.csv")} == {"8"}


def test_numbers_beyond_all_measure_are_as_good_as_missing(mirctl, write):
    write("w.csv", *WORDS)
    write("f.csv", "trial,x,y", "t,20,10", "t,1e300,5", "t,5,-1e15")
    ran = assign(mirctl)
    assert (ran.code, "2 rows cannot be used: row 2 (no x or y), row 3" in ran.err) == (0, True)
    assert "Warning" not in ran.err
