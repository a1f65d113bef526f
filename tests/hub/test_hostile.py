"""What a hub may answer that it should not."""

import json

import pytest

from hub.conftest import TOKEN
from hub.server import Hub, listed
from mirctl import artifact
from mirctl import hub as models
from mirctl.errors import MissingError


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def changed(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def test_bytes_that_are_not_what_the_manifest_lists_are_exit_4(pushed, mirctl, hub, tmp_path):
    content = hub.files("org/shop")["model.safetensors"]
    hub.fault("GET", "model.safetensors", lambda h: h.reply(200, changed(content)))
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 4
    assert "model.safetensors" in ran.err
    assert not (tmp_path / "back").exists()
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 0, ran.err


def test_a_file_that_changes_between_two_requests_is_exit_4(pushed, mirctl, hub):
    _, commit = pushed
    name, files = "metrics.json", hub.repos["org/shop"].commits[commit]
    hub.fault("GET", name, lambda h: (files.update({name: changed(files[name])}), h.route()))
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 4
    assert name in ran.err


def test_a_branch_that_moves_between_two_requests_gives_one_commit(pushed, made, mirctl, hub):
    _, commit = pushed
    hub.fault("GET", "/tree/", lambda h: (hub.put("org/shop", {"a": b"1"}), h.route()))
    ran = mirctl("hub", "pull", "org/shop", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["commit"] == commit


def test_a_damaged_copy_in_the_cache_is_fetched_again(pushed, mirctl, hub):
    place = mirctl("hub", "pull", "org/shop").out.strip()
    with open(f"{place}/model.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 0
    assert "damaged" in ran.err
    assert artifact.verify(ran.out.strip()) == []


def edited(there, **changes):
    """The files with a manifest that says something else, and whose digest is right."""
    from mirctl.artifact import manifest

    fields = json.loads(there["manifest.json"])
    for key, change in changes.items():
        fields[key] = change(fields[key])
    return {**there, "manifest.json": manifest.text(fields).encode()}


@pytest.mark.parametrize(
    "name", ["../../evil", "/tmp/evil", "a/../../evil", "extra\\..\\evil", ".cache/evil", "x.pt"]
)
def test_a_listed_name_that_leads_out_is_exit_4(pushed, mirctl, hub, tmp_path, name, own_cache):
    files = hub.files("org/shop")
    record = json.loads(files["manifest.json"])["files"]["metrics.json"]
    evil = edited(files, files=lambda listed: {**listed, name: record})
    hub.put("org/shop", {**evil, name: files["metrics.json"]})
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 4, ran.err
    assert not list(tmp_path.rglob("evil*"))
    assert not list(own_cache.rglob("evil*"))
    assert not (tmp_path / "back").exists()


def test_strange_names_in_the_listing_are_told_and_left_there(pushed, mirctl, hub, tmp_path):
    strangers = {"../../evil.py": b"1", "/etc/evil": b"1", "code.py": b"1", ".gitattributes": b""}
    hub.put("org/shop", {**hub.files("org/shop"), **strangers})
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["left_there"] == ["../../evil.py", "/etc/evil", "code.py"]
    assert "code.py" in ran.err
    assert "code.py" not in names(tmp_path / "back")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("sha", ["../../../evil", "main", "", "0" * 39, 7])
def test_a_commit_that_is_none_is_refused(pushed, mirctl, hub, sha):
    told = {"id": "org/shop", "sha": sha, "private": True, "siblings": []}
    hub.fault("GET", "/revision/main", lambda h: h.reply(200, told))
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 5
    assert "Traceback" not in ran.err


ETAGS = ["../../../../evil", "../../../evil", "/tmp/evil", "a/b", "x" * 5000]


@pytest.mark.parametrize("etag", ETAGS)
def test_an_etag_names_no_place(pushed, mirctl, hub, tmp_path, etag, own_cache):
    content = hub.files("org/shop")["metrics.json"]
    commit = hub.repos["org/shop"].branches["main"]
    headers = {"ETag": f'"{etag}"', "X_Repo_Commit": commit}
    hub.fault("GET|HEAD", "metrics.json", lambda h: h.reply(200, content, **headers), times=9)
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code in (0, 5)
    assert not [path for folder in (tmp_path, own_cache) for path in folder.rglob("*evil*")]


@pytest.mark.parametrize("etag", ETAGS)
def test_an_etag_of_a_model_names_no_place_either(hub, tmp_path, etag):
    content = b"{}"
    commit = hub.put("org/tiny", {"config.json": content, "model.safetensors": b"x"})
    (tmp_path / "hf").mkdir()
    headers = {"ETag": f'"{etag}"', "X_Repo_Commit": commit}
    hub.fault("GET|HEAD", "config.json", lambda h: h.reply(200, content, **headers), times=9)
    with pytest.raises(MissingError):
        models.resolve("org/tiny")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("oid", ["../../../evil", "/tmp/evil", 7])
def test_a_hash_in_the_listing_names_no_place(pushed, mirctl, hub, monkeypatch, tmp_path, oid):
    """With Xet the library takes it from there, and never asks for an ETag."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    (tmp_path / "hf").mkdir()
    hub.put("org/tiny", {"config.json": b"{}", "model.safetensors": b"x"})
    entries = [listed(name, b"{}") for name in ("config.json", "model.safetensors")]
    entries[1] |= {"xetHash": "0" * 64, "lfs": {"oid": oid, "size": 2, "pointerSize": 9}}
    hub.fault("GET", "/tree/", lambda h: h.reply(200, entries), times=9)
    with pytest.raises(MissingError, match="hash"):
        models.resolve("org/tiny")
    assert mirctl("hub", "pull", "org/shop").code == 5
    assert not list(tmp_path.rglob("*evil*"))
    assert hub.asked("xet") == []


@pytest.mark.parametrize("change", [{"size": []}, {"size": "1"}, {"path": 7}, {"oid": True}])
def test_a_listing_whose_values_are_of_other_types_is_exit_5(pushed, mirctl, hub, change):
    entry = {"type": "file", "path": "manifest.json", "size": 1, "oid": "0" * 40} | change
    hub.fault("GET", "/tree/", lambda h: h.reply(200, [entry]), times=9)
    for command in ("pull", "org/shop"), ("status", "org/shop"):
        ran = mirctl("hub", *command)
        assert ran.code == 5 or "problem" in ran.out
        assert "bug in mirctl" not in ran.err


@pytest.mark.parametrize("sha", ["../../../evil", "/tmp/evil", 7, None])
def test_a_commit_of_a_model_names_no_place_either(hub, tmp_path, sha):
    hub.put("org/tiny", {"config.json": b"{}", "model.safetensors": b"x"})
    (tmp_path / "hf").mkdir()
    told = {"id": "org/tiny", "sha": sha, "private": True, "siblings": []}
    hub.fault("GET", r"/models/org/tiny", lambda h: h.reply(200, told), times=9)
    with pytest.raises(MissingError):
        models.resolve("org/tiny")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b'{"a": 1}', b"[" * 100_000, b'[{"type": "file"}]', b"<html>"]
)
def test_answers_that_are_none_are_exit_5(pushed, mirctl, hub, answer):
    for path in ("/revision/main", "/tree/"):
        hub.faults.clear()
        hub.fault("GET", path, lambda h: h.reply(200, answer, Content_Type="application/json"))
        ran = mirctl("hub", "pull", "org/shop")
        assert ran.code in (4, 5), ran.err
        assert "Traceback" not in ran.err
        assert "bug in mirctl" not in ran.err


def test_a_repository_of_something_else_is_no_artifact(mirctl, hub):
    hub.put("org/bert", {"config.json": b"{}", "model.safetensors": b"x"})
    ran = mirctl("hub", "pull", "org/bert")
    assert ran.code == 4
    assert "manifest.json" in ran.err


def test_what_is_missing_on_the_hub_is_told_before_it_is_fetched(pushed, mirctl, hub):
    files = dict(hub.files("org/shop"))
    del files["metrics.json"]
    files["README.md"] += b"more"
    files["model.safetensors"] = changed(files["model.safetensors"])
    hub.put("org/shop", files)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 4
    for name in ("metrics.json is missing", "README.md has", "model.safetensors is another"):
        assert name in ran.err
    assert hub.asked("GET .*resolve.*safetensors") == []


def test_a_redirect_to_another_host_is_followed_without_the_token(pushed, mirctl, hub, tmp_path):
    store = Hub("another")
    try:
        content = hub.files("org/shop")["model.safetensors"]
        commit = hub.repos["org/shop"].branches["main"]
        store.fault("GET", "/blob", lambda h: h.reply(200, content))
        headers = {
            "Location": store.url + "/blob?signature=1",
            "X_Linked_Etag": "abc",
            "X_Linked_Size": len(content),
            "X_Repo_Commit": commit,
        }
        hub.refuse("GET|HEAD", "model.safetensors", 302, times=9, **headers)
        ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
        assert ran.code == 0, ran.err
        assert [request.path for request in store.requests] == ["/blob?signature=1"]
        assert TOKEN not in repr(store.requests)
        assert artifact.verify(tmp_path / "back") == []
    finally:
        store.stop()


def test_a_manifest_without_end_is_not_fetched(pushed, mirctl, hub):
    entry = {"type": "file", "path": "manifest.json", "size": 10**12, "oid": "0" * 40}
    hub.fault("GET", "/tree/", lambda h: h.reply(200, [entry]))
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 4
    assert "larger" in ran.err
    assert hub.asked("resolve") == []


def test_an_endless_answer_is_told_in_short(mirctl, hub):
    hub.fault("GET", "/api/models/", lambda h: h.reply(418, b"x" * 10**6), times=9)
    ran = mirctl("hub", "status", "org/shop")
    assert ran.code == 5
    assert "the hub refuses (418): xxx" in ran.err
    assert len(ran.err) < 500
