"""What `gaze analyse` cannot compare is told with its place, and nothing is written."""

import pytest

from gaze.analysis.made import analyse, both, planted, write_both

PAIRS = ("trial,word,TRT", "a,1,100", "b,1,90", "c,1,80")


@pytest.mark.parametrize(
    ("chosen", "code", "told"),
    [
        (("trial,word,TRT", "x,1,5"), 3, "no trials make a pair (the first chosen one is 'x'"),
        (("trial,word,TRT", "a,1,5"), 3, "a is the only pair: two are needed at least"),
        (("word,TRT", "1,5"), 3, "has no column 'trial'"),
        (("trial,word,FFD", "a,1,5", "b,1,6"), 3, "none is in both"),
        (("reader,trial,word,TRT", "r,a,1,5", "r,b,1,6"), 3, "has no column 'reader'"),
        (("trial,word,TRT", "a,1,5", "b,1,x"), 3, "row 2: TRT is 'x', which is no number"),
        (("trial,word,TRT", "a,1,5", "b,1,6", "a,2,5"), 3, "row 3: trial a comes again"),
        (("trial,word,TRT", "a,1,5", "a,1,6", "b,1,6"), 3, "row 2: word 1 of trial a comes twice"),
        (("trial,word,TRT",), 3, "there is no chosen trial"),
    ],
)
def test_what_cannot_be_compared_is_told(mirctl, write, tmp_path, chosen, code, told):
    write_both(write, chosen, PAIRS)
    ran = both(mirctl, "-o", "out.csv", "--plot", "out.svg")
    assert ran.code == code, ran.err
    assert told in ran.err
    assert not [*tmp_path.glob("out.*")]


def test_readers_of_one_kind_each_are_told_to_be_averaged(mirctl, write):
    write("chosen.csv", "reader,trial,word,TRT", "ann,a,1,5", "ann,b,1,6")
    write("rejected.csv", "reader,trial,word,TRT", "bob,a,1,5", "bob,b,1,6")
    ran = both(mirctl)
    assert ran.code == 3
    assert "no reader has read both kinds of any pair" in ran.err


def test_one_table_without_chosen_trials_says_how_they_are_known(mirctl, write):
    write("all.csv", *PAIRS)
    ran = analyse(mirctl, "all.csv")
    assert ran.code == 3
    assert (
        "there is no chosen trial: where one table has both kinds, the chosen ones end in .1"
        in (ran.err)
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ([], "name tables with --chosen and --rejected, or one TABLE"),
        (["--chosen", "a.csv"], "name tables with --chosen and --rejected"),
        (["a.csv", "--chosen", "b.csv"], "has both kinds: leave out 'b.csv'"),
        (["--chosen", "-", "--rejected", "-"], "cannot both come from stdin"),
        (["--chosen", "a.csv", "--rejected", "a.csv"], "'a.csv' is named twice"),
        (["a.csv", "--measures", "TRT,,FFD"], "write names with commas, as in TRT,FFD"),
        (["a.csv", "--measures", "TRT,TRT"], "one is named twice"),
        (["a.csv", *["--synthetic", "b.csv"] * 3], "--synthetic is given 3 times"),
        (["a.csv", "--correction", "tukey"], "tukey"),
        (["a.csv", "--seed", "-1"], "not in the range"),
        (["a.csv", "--json", "-o", "-"], "name a file with --out"),
    ],
)
def test_what_is_not_clear_is_wrong_usage(mirctl, write, line, told):
    write("a.csv", *PAIRS)
    ran = analyse(mirctl, *line)
    assert ran.code == 2, ran.err
    assert told in ran.err


def test_without_scipy_it_says_what_to_install(mirctl, write, monkeypatch):
    write_both(write, PAIRS, PAIRS)
    from mirctl_gaze.analysis import running

    monkeypatch.setattr(running, "find_spec", lambda name: None)
    ran = both(mirctl)
    assert ran.code == 5
    assert "gaze analyse needs scipy: pip install 'mirctl[gaze]'" in ran.err


def test_nothing_is_overwritten(mirctl, write, tmp_path):
    write_both(write, *planted(5.0, pairs=4))
    (tmp_path / "out.csv").write_text("mine\n")
    assert both(mirctl, "-o", "out.csv").code == 2
    assert (tmp_path / "out.csv").read_text() == "mine\n"
    assert both(mirctl, "-o", "out.csv", "--force").code == 0
