"""Files in the layouts of trackers and corpora, written here, come out in one schema."""

import csv
import json
import zipfile

import pytest

from mirctl.tables import open_stream


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(path, *names):
    found = [tuple(row[name] for name in names) for row in rows(path)]
    return [one[0] for one in found] if len(names) == 1 else found


def take(mirctl, layout, *files, more=()):
    return mirctl("gaze", "import", "--from", layout, *files, "-o", "out", *more)


FIXATION_REPORT = (
    "RECORDING_SESSION_LABEL\tTRIAL_INDEX\tCURRENT_FIX_INDEX\tCURRENT_FIX_START"
    "\tCURRENT_FIX_DURATION\tCURRENT_FIX_X\tCURRENT_FIX_Y\tCURRENT_FIX_INTEREST_AREA_ID",
    "s01\t1\t1\t12\t210\t101.5\t200\t1",
    "s01\t1\t2\t250\t180\t160.0\t202\t.",
    "s01\t1\t3\t460\t0\t160.0\t202\t2",
    "s01\t1\t4\t470\t99\t.\t.\t2",
    "s02\t1\t1\t5\t300\t99,5\t198\t1",
)
AREA_REPORT = (
    "RECORDING_SESSION_LABEL\tTRIAL_INDEX\tIA_ID\tIA_LABEL\tIA_LEFT\tIA_TOP\tIA_RIGHT\tIA_BOTTOM"
    "\tIA_FIXATION_COUNT\tIA_FIRST_FIXATION_DURATION\tIA_FIRST_RUN_DWELL_TIME"
    "\tIA_REGRESSION_PATH_DURATION\tIA_DWELL_TIME\tIA_SKIP\tIA_REGRESSION_IN\tIA_REGRESSION_OUT",
    's01\t1\t1\t"Well,\t80\t180\t140\t220\t2\t210\t390\t390\t390\t0\t0\t0',
    "s01\t1\t2\tyes\t150\t180\t190\t220\t1\t150\t150\t.\t150\t1\t0\t1",
    's02\t1\t1\t"Well,\t80\t180\t140\t220\t1\t300\t300\t300\t300\t0\t0\t0',
    "s02\t1\t2\tyes\t150\t180\t190\t220\t0\t.\t.\t.\t0\t1\t0\t0",
)


def test_reports_of_eyelink(mirctl, write):
    write("fix.txt", *FIXATION_REPORT)
    write("areas.txt", *AREA_REPORT, encoding="utf-16")
    ran = take(mirctl, "eyelink", "fix.txt", "areas.txt")
    assert ran.code == 0, ran.err
    wanted = [("s01", "1", "101.5"), ("s01", "", "160"), ("s02", "1", "99.5")]
    assert column("out/fixations.csv", "reader", "word", "x") == wanted
    assert column("out/words.csv", "text", "x0") == [('"Well,', "80"), ("yes", "150")]
    assert column("out/measures.csv", "FFD", "GD", "first_duration", "skip", "fixProp") == [
        ("210", "390", "210", "0", "1"),
        ("", "", "150", "1", "1"),
        ("300", "300", "300", "0", "1"),
        ("", "", "", "1", "0"),
    ]
    assert column("out/unusable.csv", "line", "why") == [
        ("4", "duration is not above 0"),
        ("5", "no x"),
    ]
    assert "fix.txt, line 4 (duration is not above 0)" in ran.err


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "mac_roman", "cp1252"])
def test_the_provo_corpus_in_any_encoding(mirctl, write, encoding):
    write(
        "provo.csv",
        "Participant_ID,Text_ID,Word_Number,Sentence_Number,Word,IA_FIRST_FIXATION_DURATION,"
        "IA_FIRST_RUN_DWELL_TIME,IA_REGRESSION_PATH_DURATION,IA_DWELL_TIME,IA_FIXATION_COUNT,"
        "IA_SKIP,IA_REGRESSION_IN,IA_REGRESSION_OUT",
        "Sub01,1,2,1,café,192,192,192,382,2,0,1,0",
        "Sub01,1,3,1,naïve,.,.,NA,0,0,1,0,0",
        "Sub01,1,NA,1,doesn't,100,100,100,100,1,0,0,0",
        encoding=encoding,
    )
    assert take(mirctl, "provo", "provo.csv").code == 0
    assert column("out/words.csv", "trial", "word", "text") == [
        ("1", "2", "café"),
        ("1", "3", "naïve"),
    ]
    assert column("out/measures.csv", "GPT", "TRT", "reg_in") == [
        ("192", "382", "1"),
        ("", "0", "0"),
    ]
    assert column("out/unusable.csv", "line", "why") == [("4", "no word")]


GECO = (
    ("PP_NR", "PART", "TRIAL", "WORD_ID_WITHIN_TRIAL", "WORD", "WORD_FIXATION_COUNT",
     "WORD_FIRST_FIXATION_DURATION", "WORD_GAZE_DURATION", "WORD_GO_PAST_TIME",
     "WORD_TOTAL_READING_TIME", "WORD_SKIP"),
    ("pp21", "1", "5", "1", "The", "0", ".", ".", ".", "0", "1"),
    ("pp21", "1", "5", "2", "intense", "1", "174", "174", "174", "174", "0"),
    ("pp22", "2", "5", "1", "Other", "1", "180.5", "180.5", "200", "200", "0"),
)  # fmt: skip


def spreadsheet(path, table):
    """What Excel writes of a table: texts in a list of their own, numbers as they are."""
    texts = sorted({cell for row in table for cell in row if not cell.replace(".", "").isdigit()})
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    strings = "".join(f"<si><t>{text}</t></si>" for text in texts)
    lines = ""
    for number, row in enumerate(table, start=1):
        cells = ""
        for place, cell in enumerate(row):
            name = f"{chr(ord('A') + place)}{number}"
            if cell in texts:
                cells += f'<c r="{name}" t="s"><v>{texts.index(cell)}</v></c>'
            else:
                cells += f'<c r="{name}"><v>{cell}</v></c>'
        lines += f'<row r="{number}">{cells}</row>'
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/sharedStrings.xml", f"<sst {space}>{strings}</sst>")
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {space}><sheetData>{lines}</sheetData></worksheet>",
        )


@pytest.mark.parametrize("name", ["geco.xlsx", "geco.txt"])
def test_the_geco_corpus_as_a_spreadsheet_or_as_text(mirctl, write, name):
    path = write("geco.txt", *("\t".join(row) for row in GECO))
    if name.endswith("xlsx"):
        spreadsheet(path.with_name(name), GECO)
    assert take(mirctl, "geco", name).code == 0
    assert column("out/words.csv", "trial", "text") == [
        ("1-5", "The"),
        ("1-5", "intense"),
        ("2-5", "Other"),
    ]
    assert column("out/measures.csv", "reader", "FFD", "GPT", "skip") == [
        ("pp21", "", "", "1"),
        ("pp21", "174", "174", "0"),
        ("pp22", "180.5", "200", "0"),
    ]


def test_the_cmcl_task(mirctl, write):
    write(
        "train.csv", "sentence_id,word_id,word,nFix,FFD,GPT,TRT,fixProp",
        "0,0,Hello,28.397565922920887,4.64,6.19,10.3,94.0", "0,1,world.<EOS>,1,2,3,4,50",
    )  # fmt: skip
    assert take(mirctl, "cmcl", "train.csv").code == 0
    assert column("out/words.csv", "text") == ["Hello", "world."]
    assert column("out/measures.csv", "nFix", "fixProp") == [("28.397565923", "0.94"), ("1", "0.5")]
    assert "reader" not in rows("out/measures.csv")[0]


def test_the_files_of_oasst_etc(mirctl, write):
    fixations = "raw_data/participant_3_1/session_1/vertices/fixations_assigned_12.1.csv"
    real = "gaze_features_real/set_1/word_cor_image_fixations_12.1.csv"
    synthetic = "gaze_features_synthetic/set_1/word_gaze_synthetic_12.2.csv"
    write(
        fixations, ";ID;x;y;duration;pupil_r;pupil_l;word;word_number;distance",
        "0;1;100;200;0.25;3;3;Hi;0;4.5", "1;2;150;200;0.125;3;3;there;1;0",
    )  # fmt: skip
    write(
        real, "number;fix_duration;first_fix_duration;fix_number;fix_duration_n;text",
        "0;0.25;0.2;1.5;0.6;Hi", "1;0.125;0.125;1;0.4;there",
    )  # fmt: skip
    write(
        synthetic, "index;fix_number;first_fix_duration;GPT;fix_duration;fixProp;text",
        "0;14.1;3.2;4.5;5.6;80;hello",
    )  # fmt: skip
    ran = take(mirctl, "oasst-etc", fixations, real, synthetic)
    assert ran.code == 0, ran.err
    found = column("out/fixations.csv", "reader", "trial", "index", "start", "duration", "word")
    assert found == [
        ("3_1", "12.1", "1", "0", "250", "0"),
        ("3_1", "12.1", "2", "250", "125", "1"),
    ]
    found = column("out/measures.csv", "trial", "TRT", "first_duration", "FFD", "GPT", "fixProp")
    assert found == [
        ("12.1", "250", "200", "", "", ""),
        ("12.1", "125", "125", "", "", ""),
        ("12.2", "5.6", "", "3.2", "4.5", "0.8"),
    ]
    assert column("out/words.csv", "trial", "word", "text") == [
        ("12.1", "0", "Hi"), ("12.1", "1", "there"), ("12.2", "0", "hello"),
    ]  # fmt: skip


def test_scanpaths_of_multimatch(mirctl, write):
    for name in ("film_sub-01", "film_sub-02", "other"):
        write(f"{name}.tsv", "start_x\tstart_y\tduration", "496.5\t244.2\t0.103", "9\t8\t2.19e-1")
    names = ("film_sub-01.tsv", "film_sub-02.tsv")
    assert take(mirctl, "multimatch", *names).code == 0
    found = column("out/fixations.csv", "reader", "trial", "index", "start", "duration", "x")
    assert found[:2] == [
        ("sub-01", "film", "1", "0", "103", "496.5"),
        ("sub-01", "film", "2", "103", "219", "9"),
    ]
    assert [row[0] for row in found[2:]] == ["sub-02", "sub-02"]


def test_any_table_by_the_names_of_its_columns(mirctl, write):
    write("a.csv", "FPOGX;FPOGY;FPOGD;USER", "0,5;0,25;0,2;7", "0,5;0,25;-1;7")
    names = ("x=FPOGX", "y=FPOGY", "duration=FPOGD", "trial=USER")
    more = [part for name in names for part in ("--column", name)]
    tail = ["--as", "parquet", "--json"]
    ran = take(
        mirctl, "generic", "a.csv", more=[*more, "--seconds", "--screen", "1280x1024", *tail]
    )
    told = json.loads(ran.out)
    assert (told["rows"], told["unusable"]) == ({"fixations": 1}, 1)
    cells = next(open_stream("out/fixations.parquet").blocks(9)).cells
    found = [cells[name] for name in ("x", "y", "duration", "trial")]
    assert found == [["640"], ["256"], ["200"], ["7"]]


def test_samples_and_words_by_our_own_names(mirctl, write):
    write("s.csv", "time,x,y,pupil", "1,2,3,4", "NA,2,3,4", "3,.,.,0")
    write("w.csv", "trial,word,text,x0,y0,x1,y1", "s,1,שלום,0,0,9,9")
    assert take(mirctl, "generic", "s.csv", "w.csv").code == 0
    assert column("out/samples.csv", "trial", "time", "x") == [("s", "1", "2"), ("s", "3", "")]
    assert column("out/words.csv", "text", "x1") == [("שלום", "9")]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["time,x,y", "1,2,3,4"], "another number of cells"),
        (["time,x,y", "abc,2,3"], "time is 'abc', which is no number"),
        (["time,x,y", ".,2,3"], "no time"),
    ],
)
def test_where_no_row_can_be_used_nothing_is_written(mirctl, write, tmp_path, lines, told):
    write("a.csv", *lines)
    ran = take(mirctl, "generic", "a.csv")
    assert ran.code == 3
    assert told in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 no zip", "cannot be read as a spreadsheet"),
        (b"a,b\n1,2\n", "is no file of the layout eyelink"),
        (b"IA_ID,IA_ID\n1,2\n", "has more than one column 'IA_ID'"),
    ],
)
def test_what_is_no_such_file_is_told(mirctl, write, tmp_path, content, told):
    write("a.csv").write_bytes(content)
    ran = take(mirctl, "eyelink", "a.csv")
    assert (ran.code, told in ran.err) == (3, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--column", "colour=red"], "'colour' is none of ours"),
        (["--column", "x"], "write OURS=THEIRS"),
        (["--seconds"], "--seconds goes with --from generic"),
        (["--encoding", "runes"], "is none that Python knows"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(mirctl, write, more, told):
    write("a.txt", *FIXATION_REPORT)
    ran = take(mirctl, "eyelink", "a.txt", more=more)
    assert (ran.code, told in ran.err) == (2, True)


def test_texts_that_readers_see_under_one_number_are_told_apart(mirctl, write):
    other = [line.replace("yes", "no").replace("s02", "s03") for line in AREA_REPORT[3:]]
    write("areas.txt", *AREA_REPORT, *other)
    ran = take(mirctl, "eyelink", "areas.txt")
    assert ran.code == 3
    assert "has for its word 2 'no' and 'yes'" in ran.err
    assert "--column trial=ITEM" in ran.err


def test_an_older_import_is_replaced_only_when_asked(mirctl, write):
    write("a.txt", *FIXATION_REPORT)
    assert take(mirctl, "eyelink", "a.txt").code == 0
    assert take(mirctl, "eyelink", "a.txt").code == 2
    assert take(mirctl, "eyelink", "a.txt", more=["--force"]).code == 0


@pytest.mark.real
def test_the_real_scanpaths_and_the_real_reading_data(mirctl, real_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = sorted(map(str, (real_data / "scanpaths").glob("*.tsv")))
    assert take(mirctl, "multimatch", *paths).code == 0
    found = column("out/fixations.csv", "reader", "trial")
    assert (len(set(found)), len(found)) == (110, 3402)
    path = str(real_data / "reading-cmcl2021" / "train.csv")
    assert take(mirctl, "cmcl", path, more=["--force"]).code == 0
    assert len(column("out/words.csv", "text")) == 11_731
    assert not any("<EOS>" in text for text in column("out/words.csv", "text"))


def test_samples_of_an_asc_file_become_fixations(mirctl, write):
    samples = [f"{t}\t  500.0\t  300.0\t  900.0\t..." for t in range(1000, 1200)]
    lost = [f"{t}\t   .\t   .\t    0.0\t..." for t in range(1200, 1240)]
    more = [f"{t}\t  700.0\t  300.0\t  900.0\t..." for t in range(1240, 1400)]
    write(
        "s01.asc", "** CONVERTED FROM s01.edf using edfapi", "** DATE: Mon", "",
        "MSG\t990 TRIALID 7", "START\t1000 \tLEFT\tSAMPLES\tEVENTS",
        "SAMPLES\tGAZE\tLEFT\tRATE\t1000.00\tTRACKING\tCR", *samples, "SBLINK L 1200", *lost,
        "EBLINK L\t1200\t1239\t40", *more, "END\t1400 \tSAMPLES\tEVENTS",
        "START\t2000 \tLEFT\tSAMPLES", *(f"{t}\t1\t2\t3\t..." for t in range(2000, 2100)), "END",
    )  # fmt: skip
    assert take(mirctl, "eyelink", "s01.asc").code == 0
    assert mirctl("gaze", "detect", "out/samples.csv", "--ppd", "30", "-o", "f.csv").code == 0
    assert column("f.csv", "reader", "trial", "start", "duration") == [
        ("s01", "7", "1000", "200"),
        ("s01", "7", "1240", "160"),
        ("s01", "2", "2000", "100"),
    ]
