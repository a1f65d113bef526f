"""`recommend`: whom it serves, what it filters, what it refuses."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from adapt.conftest import run


def test_an_empty_history_gets_what_is_popular(mirctl, recipe, tmp_path):
    for method in ("id", "pop"):
        run(mirctl, recipe, tmp_path / method, f"model.method={method}")
    found = [
        rows(mirctl("adapt", "recommend", tmp_path / method, "--history", "").out)
        for method in ("id", "pop")
    ]
    assert [r["item_id"] for r in found[0]] == [r["item_id"] for r in found[1]]
    assert len(found[0]) == 10


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_history_is_continued(mirctl, chain):
    ran = mirctl("adapt", "recommend", chain, "--history", "i3,i4", "--k", 2)
    assert ran.code == 0
    found = rows(ran.out)
    assert [row["rank"] for row in found] == [1, 2]
    assert found[0]["item_id"] == "i5"
    assert found[0]["title"] == "one heat toy"
    assert {"i3", "i4"}.isdisjoint(row["item_id"] for row in found)


def test_users_of_the_data_are_served_to_a_file(mirctl, chain, tmp_path):
    one = rows(mirctl("adapt", "recommend", chain, "--user", "u1", "--k", 3).out)
    assert {row["user_id"] for row in one} == {"u1"}
    out = tmp_path / "recs.parquet"
    assert mirctl("adapt", "recommend", chain, "--all", "--k", 3, "--out", out).code == 0
    table = pq.read_table(out)
    assert table.num_rows == 60 * 3
    assert [r for r in table.to_pylist() if r["user_id"] == "u1"] == one


def test_histories_stream_from_stdin(chain):
    lines = '["i1", "i2"]\n{"user_id": "x", "history": ["i8", "nowhere"]}\n\n[]\n'
    command = [sys.executable, "-m", "mirctl", "adapt", "recommend", str(chain), "-", "--k", "1"]
    ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    found = rows(ran.stdout)
    assert [(r["user_id"], r["item_id"]) for r in found[:2]] == [("1", "i3"), ("x", "i9")]
    assert len(found) == 3, "an empty history is served by popularity"
    assert "not in the catalogue: 1 item of the histories" in ran.stderr


def test_a_line_nested_too_deep_is_named(chain):
    command = [sys.executable, "-m", "mirctl", "adapt", "recommend", str(chain), "-"]
    lines = '["i1"]\n' + "[" * 100_000 + "\n"
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert (done.returncode, "stdin, line 2: is nested more than" in done.stderr) == (3, True)


def test_allow_and_deny_filter(mirctl, chain, tmp_path):
    (tmp_path / "allow").write_text("i5\ni6\ni7\nnowhere\n")
    (tmp_path / "deny").write_text("i6\n")
    options = ["--allow", tmp_path / "allow", "--deny", tmp_path / "deny"]
    ran = mirctl("adapt", "recommend", chain, "--history", "i4", *options)
    assert {row["item_id"] for row in rows(ran.out)} == {"i5", "i7"}
    assert "1 of 4 ids are not in the catalogue" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--history", "i99"], 3, "did you mean 'i9'"),
        (["--user", "u777"], 3, "no such user"),
        ([], 2, "say for whom"),
        (["--all", "--k", 10**30], 2, "is not in the range 1 to"),
        (["--all", "--user", "u1"], 2, "say for whom"),
        (["--history", "i1", "--deny", "/no/such"], 3, "no such file"),
    ],
)
def test_a_wrong_question_is_answered_clearly(mirctl, chain, options, code, message):
    ran = mirctl("adapt", "recommend", chain, *options)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert ran.out == ""


def test_histories_are_left_out_on_request(mirctl, recipe, tmp_path):
    out = tmp_path / "m"
    run(mirctl, recipe, out, "model.method=pop", "save.histories=false")
    assert not (out / "extra" / "users.parquet").exists()
    ran = mirctl("adapt", "recommend", out, "--user", "u1")
    assert ran.code == 2
    assert "save.histories" in ran.err


def test_users_with_fewer_items_than_asked_are_counted(mirctl, chain, tmp_path):
    allow = tmp_path / "allow.txt"
    allow.write_text("i1\ni2\ni3\n")
    ran = mirctl("adapt", "recommend", chain, "--history", "i9", "--k", "3", "--allow", allow)
    assert "fewer" not in ran.err
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "3", "--allow", allow)
    assert "fewer than 3 items for 1 user" in ran.err


def test_a_damaged_artifact_is_exit_4(mirctl, chain, tmp_path):
    assert mirctl("adapt", "recommend", tmp_path, "--history", "i1").code == 4
    (chain / "model.safetensors").write_bytes(b"junk")
    assert mirctl("adapt", "recommend", chain, "--history", "i1").code == 4


def test_a_closed_pipe_is_quiet(chain):
    command = f"{sys.executable} -m mirctl adapt recommend {chain} --all --k 20"
    script = f"set -o pipefail; {command} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert ran.stdout.strip() in ("141", "0")
    assert "Traceback" not in ran.stderr


def test_a_newer_schema_is_refused(mirctl, chain):
    from mirctl.artifact import manifest

    path = chain / "manifest.json"
    fields = json.loads(path.read_text()) | {"schema_version": 2}
    path.write_text(manifest.text(fields))
    ran = mirctl("adapt", "recommend", chain, "--history", "i1")
    assert (ran.code, "has schema 2 of adapt/recommender" in ran.err) == (4, True), ran.err


def test_recommendations_come_as_one_document_on_request(mirctl, chain, tmp_path):
    rows = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "2")
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "2", "--json")
    assert json.loads(ran.out)["recommendations"] == [json.loads(r) for r in rows.out.splitlines()]
    out = tmp_path / "r.parquet"
    ran = mirctl("adapt", "recommend", chain, "--all", "--k", "2", "--json", "--out", out)
    assert json.loads(ran.out) == {"out": str(out), "rows": 120}


def test_ids_with_commas_and_strange_blanks_can_be_asked_for(mirctl, tmp_path):
    names = ["a,b", " c", "d\u2028e", "f"]
    rows = [f'u{u},"{name}",{t}' for u in range(9) for t, name in enumerate(names)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    (tmp_path / "r.yaml").write_text(
        "uses: adapt/run\ndata: {interactions: log.csv}\nmodel: {method: pop}\n"
    )
    model = tmp_path / "m"
    run(mirctl, tmp_path / "r.yaml", model)
    assert mirctl("adapt", "recommend", model, "--history", "a,b").code == 0
    assert mirctl("adapt", "recommend", model, "--history", " c, f").code == 0
    (tmp_path / "allow.txt").write_text("\n".join(names) + "\n")
    ran = mirctl("adapt", "recommend", model, "--history", "f", "--allow", tmp_path / "allow.txt")
    assert ran.out.count("\n") == 3
    assert "not in the catalogue" not in ran.err


def test_only_listed_files_of_an_artifact_are_read(mirctl, recipe, tmp_path):
    run(mirctl, recipe, tmp_path / "full", "model.method=pop")
    run(mirctl, recipe, tmp_path / "m", "model.method=pop", "save.histories=false")
    link = tmp_path / "m" / "extra" / "users.parquet"
    link.symlink_to(tmp_path / "full" / "extra" / "users.parquet")
    assert mirctl("adapt", "recommend", tmp_path / "m", "--all").code == 2


def test_users_of_any_script_are_served(chain):
    lines = [json.dumps({"user_id": "\u5c71\u7530\u3000\u592a\u90ce", "history": ["i1"]})]
    lines.append('{"user_id": "\\ud800", "history": ["i1"]}')
    command = [sys.executable, "-m", "mirctl", "adapt", "recommend", str(chain), "-", "--k", "1"]
    done = subprocess.run(command, input=lines[0], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["user_id"] == "\u5c71\u7530\u3000\u592a\u90ce"
    done = subprocess.run(command, input=lines[1], capture_output=True, text=True, check=False)
    assert (done.returncode, "half a character" in done.stderr) == (3, True)


def test_allow_and_deny_may_be_tables_of_items(mirctl, chain, recipe, tmp_path):
    table = tmp_path / "some.csv"
    table.write_text("item_id,title\ni2,x\ni3,y\n")
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "9", "--allow", table)
    assert {row["item_id"] for row in rows(ran.out)} == {"i2", "i3"}
    ran = mirctl("adapt", "recommend", chain, "--history", "i1", "--k", "99", "--deny", table)
    assert not {"i2", "i3"} & {row["item_id"] for row in rows(ran.out)}


def test_the_first_recommendation_does_not_depend_on_k(mirctl, recipe, tmp_path):
    """Popularity ties often, and a tie must not be broken by how many are asked for."""
    run(mirctl, recipe, tmp_path / "m", "model.method=pop")
    wanted = {}
    for k in (1, 2, 5, 20):
        ran = mirctl("adapt", "recommend", tmp_path / "m", "--all", "--k", k)
        for row in rows(ran.out):
            place = row["user_id"], row["rank"]
            assert wanted.setdefault(place, row["item_id"]) == row["item_id"]


def test_a_user_of_whom_nothing_is_known_is_told(chain):
    command = [sys.executable, "-m", "mirctl", "adapt", "recommend", str(chain), "-", "--k", "1"]
    lines = '{"user_id": "x", "history": ["nothing"]}\n["i1"]\n'
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert "without a known item, so given what is popular: 1 user" in done.stderr


def test_items_by_id_alone_cannot_be_others(mirctl, chain, recipe):
    ran = mirctl(
        "adapt", "recommend", chain, "--history", "i1", "--items", recipe.parent / "items.csv"
    )
    assert (ran.code, "knows items by id alone" in ran.err) == (2, True)


@pytest.mark.parametrize("precision", ["float16", "fp8"])
def test_a_precision_that_is_none_is_wrong_usage(mirctl, chain, tmp_path, precision):
    items = tmp_path / "i.csv"
    items.write_text("item_id,title\na,b\n")
    ran = mirctl("adapt", "eval", chain, "--precision", precision)
    assert (ran.code, "Traceback" in ran.err) == (2, False), ran.err


def test_a_deny_table_without_rows_denies_nothing(mirctl, chain, tmp_path):
    (tmp_path / "deny.csv").write_text("item_id\n")
    options = ["--history", "i1", "--k", "5", "--deny", tmp_path / "deny.csv"]
    assert len(rows(mirctl("adapt", "recommend", chain, *options).out)) == 5


def test_an_empty_deny_list_denies_nothing_and_an_empty_allow_list_everything(
    mirctl, chain, tmp_path
):
    (tmp_path / "none.txt").write_text("")
    options = ["--history", "i1", "--k", "5"]
    ran = mirctl("adapt", "recommend", chain, *options, "--deny", tmp_path / "none.txt")
    assert len(rows(ran.out)) == 5
    ran = mirctl("adapt", "recommend", chain, *options, "--allow", tmp_path / "none.txt")
    assert (ran.code, "leave no item" in ran.err) == (3, True)


@pytest.mark.parametrize("listed", [r"i2\ni3\n", r"item_id,title\ni2,x\ni3,y\n"])
def test_a_list_may_come_from_a_pipe(chain, listed):
    command = (
        f"{sys.executable} -m mirctl adapt recommend {chain} --history i1 --k 99 "
        f"--deny <(printf '{listed}')"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {row["item_id"] for row in rows(done.stdout)}
    assert len(names) > 20
    assert not {"i2", "i3"} & names
