import json
import os

import pytest

from mirctl import artifact
from mirctl.hub import sharing


def unpacked(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_new_repository_is_private_and_holds_the_whole_artifact(made, mirctl, hub, tmp_path):
    ran = mirctl("hub", "push", made(), "org/shop", "--json", "--message", "from May")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert hub.repos["org/shop"].private
    assert (facts["private"], facts["sent"]) == (True, True)
    assert facts["commit"] == hub.repos["org/shop"].branches["main"]
    there = unpacked(hub.files("org/shop"), tmp_path / "there")
    assert artifact.verify(there) == []
    assert artifact.open_artifact(there).manifest.digest == facts["digest"]
    assert (there / "README.md").read_text().startswith("---\nlibrary_name: mirctl\n")
    assert b"from May" in hub.sent()


def test_nothing_of_this_machine_leaves_it(made, mirctl, hub, tmp_path, monkeypatch):
    (tmp_path / "secretplace").mkdir()
    monkeypatch.chdir(tmp_path / "secretplace")
    folder = made()
    assert mirctl("hub", "push", folder, "org/shop").code == 0
    sent = hub.sent() + repr([request.headers for request in hub.requests]).encode()
    for place in (str(tmp_path), "secretplace", "layoffs", "../", os.path.expanduser("~") + "/"):
        assert place.encode() not in sent, place
    there = unpacked(hub.files("org/shop"), tmp_path / "there")
    recipe, _ = artifact.open_artifact(there).recipe()
    assert recipe["data"] == {"rows": "./data.rows.csv", "names": ["./data.names.0", "b"]}
    shared = artifact.open_artifact(there).manifest
    mine = artifact.open_artifact(folder).manifest
    assert shared.facts["shared_from"] == mine.digest
    assert [item.sha256 for item in shared.inputs] == [item.sha256 for item in mine.inputs]


def test_a_card_that_names_a_folder_of_this_machine_is_not_sent(made, mirctl, hub, tmp_path):
    folder = made(**{"README.md": f"---\n---\nmade in {tmp_path}/secretplace/x"})
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.code == 4
    assert "README.md names" in ran.err
    assert hub.requests == []


def test_what_came_from_the_hub_goes_back_as_it_is(pushed, mirctl, hub, tmp_path):
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back").code == 0
    before = hub.files("org/shop")
    ran = mirctl("hub", "push", tmp_path / "back", "org/shop", "--json")
    assert ran.code == 0, ran.err
    assert not json.loads(ran.out)["sent"]
    assert mirctl("hub", "push", tmp_path / "back", "org/again").code == 0
    sent = {name: c for name, c in hub.files("org/again").items() if name in before}
    assert sent == before


def test_a_dry_run_lists_what_would_go_and_needs_no_network(made, mirctl, hub, offline):
    offline()
    ran = mirctl("hub", "push", made(), "org/shop@v2", "--dry-run", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert facts["revision"] == "v2"
    assert {"manifest.json", "model.safetensors", "README.md"} < facts["files"].keys()
    assert facts["bytes"] == sum(facts["files"].values())
    assert "model.safetensors" in mirctl("hub", "push", made(), "org/shop", "--dry-run").out
    assert hub.requests == []
    assert mirctl("hub", "push", made(), "org/shop").code == 5


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (["nosuch", "org/shop"], 4, "error: nosuch: does not exist"),
        (["MADE", "org/shop@v1", "--revision", "v2"], 2, "org/shop@v1 names a revision"),
    ],
)
def test_what_cannot_be_pushed_is_told_once(made, mirctl, hub, line, code, told):
    folder = made()
    ran = mirctl("hub", "push", *[folder if part == "MADE" else part for part in line])
    assert ran.code == code
    assert told in ran.err
    assert hub.requests == []


def test_a_damaged_artifact_is_refused_before_anything_is_asked(made, mirctl, hub):
    folder = made()
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.code == 4
    assert "sha256" in ran.err
    assert mirctl("hub", "push", folder.parent, "org/shop").code == 4
    assert hub.requests == []


@pytest.mark.parametrize("name", ["weights.bin", "extra/model.pt", "a.PKL"])
def test_only_safetensors_go(made, mirctl, hub, name):
    ran = mirctl("hub", "push", made(**{name: "x"}), "org/shop")
    assert ran.code == 4
    assert "safetensors" in ran.err
    assert hub.requests == []


@pytest.mark.parametrize("name", ["shop", "a/b/c", "org/sh op", "../x", "org/a--b", "org/x@../y"])
def test_what_names_no_repository_is_wrong_usage(made, mirctl, hub, name):
    ran = mirctl("hub", "push", made(), name)
    assert ran.code == 2
    assert "org/name" in ran.err


def test_a_commit_is_no_branch(made, mirctl, hub):
    ran = mirctl("hub", "push", made(), "org/shop", "--revision", "0" * 40)
    assert ran.code == 2


def test_an_unchanged_artifact_is_not_sent_again(pushed, mirctl, hub):
    folder, commit = pushed
    asked = len(hub.asked("POST"))
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.out.strip() == f"org/shop@{commit}"
    assert len(hub.asked("POST")) == asked


def test_what_was_changed_there_is_sent_again(pushed, mirctl, hub):
    folder, _ = pushed
    before = hub.files("org/shop")
    hub.put("org/shop", {**before, "README.md": b"edited"})
    assert (
        mirctl("artifact", "verify", f"org/shop@{hub.repos['org/shop'].branches['main']}").code == 4
    )
    ran = mirctl("hub", "push", folder, "org/shop", "--json")
    assert json.loads(ran.out)["sent"]
    assert hub.files("org/shop") == before


def test_a_small_file_that_changes_while_it_is_read_is_not_sent(made, mirctl, hub, monkeypatch):
    folder = made()
    place = folder / "metrics.json"
    content = place.read_bytes()

    def verify(path):
        found = artifact.verify(path)
        place.write_bytes(content.replace(b"0.5", b"0.9"))
        return found

    monkeypatch.setattr(sharing, "verify", verify)
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.code == 4
    assert "metrics.json changed" in ran.err
    assert hub.requests == []


def test_a_new_version_replaces_what_the_old_one_had_and_nothing_else(pushed, made, mirctl, hub):
    mirctl("hub", "push", made("two", **{"extra/old.json": "1"}), "org/shop")
    files = hub.files("org/shop") | {"LICENSE": b"MIT", "picture.png": b"x"}
    hub.put("org/shop", files)
    assert mirctl("hub", "push", made("three", w=(5.0,)), "org/shop").code == 0
    there = hub.files("org/shop")
    assert "extra/old.json" in files
    assert "extra/old.json" not in there
    assert (there["LICENSE"], there["picture.png"]) == (b"MIT", b"x")


def test_a_branch_is_made_where_it_is_missing(pushed, made, mirctl, hub):
    _, commit = pushed
    ran = mirctl("hub", "push", made("two", w=(5.0,)), "org/shop", "--branch", "trial/one")
    assert ran.code == 0, ran.err
    branches = hub.repos["org/shop"].branches
    assert branches["main"] == commit
    assert ran.out.strip() == f"org/shop@{branches['trial/one']}"


def test_everybody_may_read_it_only_when_that_is_said(made, mirctl, hub):
    assert mirctl("hub", "push", made(), "org/open", "--public").code == 0
    assert not hub.repos["org/open"].private
    ran = mirctl("hub", "push", made("two", w=(5.0,)), "org/open")
    assert ran.code == 2
    assert "--public" in ran.err
    assert mirctl("hub", "push", made("two", w=(5.0,)), "org/open", "--public").code == 0


def test_a_repository_of_something_else_is_left_alone(made, mirctl, hub):
    hub.put("org/bert", {"config.json": b"{}", "model.safetensors": b"x"}, private=True)
    ran = mirctl("hub", "push", made(), "org/bert")
    assert ran.code == 2
    assert "config.json" in ran.err
    assert mirctl("hub", "push", made(), "org/bert", "--force").code == 0
    assert hub.files("org/bert")["config.json"] == b"{}"


def test_a_file_that_changes_while_it_is_sent_ends_it_before_the_commit(
    made, mirctl, hub, monkeypatch
):
    monkeypatch.setattr(sharing, "SMALL", 10)
    folder = made()
    place = folder / "model.safetensors"

    def change(handler):
        content = place.read_bytes()
        place.write_bytes(content[:-1] + b"!")
        handler.route()

    hub.fault("POST", "preupload", change)
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.code == 4
    assert "changed while it was sent" in ran.err
    assert set(hub.files("org/shop")) == {".gitattributes"}


def test_another_push_in_between_is_told_and_nothing_is_lost(pushed, made, mirctl, hub):
    hub.fault("POST", "/commit/", lambda h: (hub.put("org/shop", {"theirs.txt": b"1"}), h.route()))
    ran = mirctl("hub", "push", made("two", w=(5.0,)), "org/shop")
    assert ran.code == 5
    assert "412" in ran.err
    assert set(hub.files("org/shop")) == {"theirs.txt"}


def test_what_the_repository_ignores_is_missed(made, mirctl, hub):
    hub.ignored.add("metrics.json")
    ran = mirctl("hub", "push", made(), "org/shop")
    assert ran.code == 1
    assert "metrics.json" in ran.err


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("api/models/org/shop", 403, "HF_TOKEN"),
        ("repos/create", 401, "HF_TOKEN"),
        ("repos/create", 403, "HF_TOKEN"),
        ("preupload", 403, "HF_TOKEN"),
        ("objects/batch", 404, "404"),
        ("preupload", 429, "429"),
        ("objects/batch", 500, "trouble"),
        ("/upload/", 503, "trouble"),
        ("/commit/", 500, "trouble"),
    ],
)
def test_what_the_hub_refuses_is_one_line_and_exit_5(made, mirctl, hub, path, status, told):
    hub.refuse(".", path, status, times=99)
    ran = mirctl("hub", "push", made(), "org/shop", "--json")
    assert ran.code == 5
    assert json.loads(ran.out)["error"]["code"] == 5
    assert told in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


def test_trouble_that_passes_is_waited_for(made, mirctl, hub, waits):
    hub.refuse("POST", "preupload", 429, Retry_After="7")
    hub.refuse("POST", "objects/batch", 500, times=2)
    assert mirctl("hub", "push", made(), "org/shop").code == 0
    assert waits == [8.0, 1, 2]


def test_a_push_that_was_cut_goes_on_with_what_is_there(made, mirctl, hub):
    folder = made()
    hub.fault("POST", "/commit/", lambda h: h.hang_up())
    ran = mirctl("hub", "push", folder, "org/shop")
    assert ran.code == 5, ran.err
    sent = len(hub.asked("PUT"))
    assert mirctl("hub", "push", folder, "org/shop").code == 0
    assert len(hub.asked("PUT")) == sent == 1


def test_a_hub_without_xet_is_told_how_to_go_on(made, mirctl, hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    ran = mirctl("hub", "push", made(), "org/shop")
    assert ran.code == 5
    assert "HF_HUB_DISABLE_XET=1" in ran.err


def test_an_artifact_goes_from_one_repository_to_another(pushed, mirctl, hub):
    assert mirctl("hub", "push", "org/shop", "org/copy").code == 0
    there, copy = hub.files("org/shop"), hub.files("org/copy")
    assert {name: copy[name] for name in there} == there
