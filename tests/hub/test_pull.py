import json

import pytest

from mirctl import artifact, cache


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_was_pushed_comes_back_whole(pushed, mirctl, tmp_path):
    folder, commit = pushed
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["commit"] == commit
    assert names(tmp_path / "back") == names(folder) | {"README.md"}
    assert artifact.verify(tmp_path / "back") == []
    w = [artifact.open_artifact(f).tensors("model")["w"] for f in (folder, tmp_path / "back")]
    assert w[0].equal(w[1])


def test_without_out_its_folder_is_printed_and_nothing_is_fetched_twice(pushed, mirctl, hub):
    first = mirctl("hub", "pull", "org/shop")
    fetched = hub.asked("GET .*resolve.*safetensors")
    again = mirctl("hub", "pull", "org/shop")
    assert first.out == again.out
    assert artifact.verify(first.out.strip()) == []
    assert len(fetched) == 1 == len(hub.asked("GET .*resolve.*safetensors"))
    assert cache.verify() == []


def test_a_known_revision_needs_no_network(pushed, mirctl, hub, offline):
    _, commit = pushed
    assert mirctl("hub", "pull", "org/shop").code == 0
    asked = len(hub.requests)
    for name in (f"org/shop@{commit}", "org/shop", "org/shop@main"):
        ran = mirctl("artifact", "verify", name)
        assert (ran.code, len(hub.requests)) == (0, asked), ran.err
        assert commit in ran.err
    offline()
    assert mirctl("hub", "pull", "org/shop").code == 0
    assert mirctl("artifact", "inspect", "org/shop").code == 0
    assert len(hub.requests) == asked
    ran = mirctl("artifact", "inspect", "org/other")
    assert ran.code == 5
    assert "HF_HUB_OFFLINE" in ran.err


def test_a_branch_stays_where_it_was_until_it_is_pulled(pushed, made, mirctl, hub):
    _, old = pushed
    assert mirctl("artifact", "verify", "org/shop").code == 0
    mirctl("hub", "push", made("new", w=(9.0,)), "org/shop")
    hub_now = hub.repos["org/shop"].branches["main"]
    assert hub_now != old


def test_a_folder_of_that_name_wins_and_nothing_is_asked(
    pushed, made, mirctl, hub, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    made(out=tmp_path / "org" / "shop", w=(7.0,))
    asked = len(hub.requests)
    ran = mirctl("artifact", "inspect", "org/shop", "--json")
    assert ran.code == 0
    assert len(hub.requests) == asked
    (tmp_path / "org" / "shop" / "manifest.json").unlink()
    assert mirctl("artifact", "verify", "org/shop").code == 4
    assert len(hub.requests) == asked


def test_what_is_no_folder_and_no_name_is_told_with_both_forms(mirctl, hub):
    ran = mirctl("artifact", "inspect", "org/nothing")
    assert ran.code == 5
    assert "no such folder" in ran.err
    assert "not on the hub" in ran.err
    assert mirctl("artifact", "inspect", "./org/nothing").code == 4
    assert "no such folder" not in mirctl("hub", "pull", "org/nothing").err
    ran = mirctl("hub", "pull", "nothing")
    assert ran.code == 2
    assert "org/name" in ran.err


def test_a_missing_revision_is_told(pushed, mirctl):
    ran = mirctl("hub", "pull", "org/shop@v9")
    assert ran.code == 5
    assert "no such revision" in ran.err


def test_nothing_the_user_had_is_overwritten(pushed, mirctl, hub, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("1")
    asked = len(hub.requests)
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "mine").code == 2
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "mine", "--force").code == 2
    assert len(hub.requests) == asked
    assert names(tmp_path / "mine") == {"a"}


def test_a_cut_connection_goes_on_where_it_was(made, mirctl, hub, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)
    mirctl("hub", "push", made(w=[0.5] * 1000), "org/shop")
    content = hub.files("org/shop")["model.safetensors"]
    etag = '"x"'
    hub.fault("GET", "model.safetensors", lambda h: h.cut(content[:1234], len(content), ETag=etag))
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 0, ran.err
    ranges = [r.headers.get("Range") for r in hub.requests if r.path.endswith("safetensors")]
    assert "bytes=1200-" in ranges
    assert artifact.verify(tmp_path / "back") == []


def test_what_came_before_a_stop_is_not_fetched_again(made, mirctl, hub, tmp_path):
    mirctl("hub", "push", made(), "org/shop")
    hub.refuse("GET", "model.safetensors", 500, times=99)
    ran = mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back")
    assert ran.code == 5
    assert "500" in ran.err
    assert not (tmp_path / "back").exists()
    assert mirctl("artifact", "verify", "org/shop").code == 5
    hub.faults.clear()
    assert mirctl("hub", "pull", "org/shop", "--out", tmp_path / "back").code == 0
    assert len(hub.asked("GET .*metrics.json")) == 1


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/models/org/shop", 401, "not on the hub"),
        ("/api/models/org/shop", 403, "HF_TOKEN"),
        ("/api/models/org/shop", 404, "404"),
        ("/tree/", 429, "429"),
        ("/tree/", 500, "trouble"),
        ("/resolve/", 403, "HF_TOKEN"),
        ("/resolve/", 404, "404"),
        ("/resolve/", 429, "429"),
        ("/resolve/", 500, "trouble"),
    ],
)
def test_what_the_hub_refuses_is_one_line_and_exit_5(pushed, mirctl, hub, path, status, told):
    code = {"X_Error_Code": "RepoNotFound"} if status == 401 else {}
    hub.refuse("GET|HEAD", path, status, times=99, **code)
    ran = mirctl("hub", "pull", "org/shop", "--json")
    assert ran.code == 5
    assert json.loads(ran.out)["error"]["code"] == 5
    assert told in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


def test_waiting_as_long_as_the_hub_asks(pushed, mirctl, hub, waits):
    hub.refuse("GET", "/tree/", 429, Retry_After="31")
    hub.refuse("HEAD", "metrics.json", 429, times=2, Retry_After="3")
    assert mirctl("hub", "pull", "org/shop").code == 0
    assert 32.0 in waits
    assert 4.0 in waits


@pytest.mark.parametrize(
    "place", ["", "hub.example", "ftp://hub.example", "http://[::1", "http://"]
)
def test_an_address_that_is_none_is_wrong_usage(mirctl, monkeypatch, place):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", place)
    ran = mirctl("hub", "pull", "org/shop")
    assert ran.code == 2
    assert "HF_" in ran.err


def test_a_variable_that_the_hub_s_library_cannot_read_is_wrong_usage(mirctl_process):
    ran = mirctl_process("hub", "status", "org/shop", HF_HUB_ETAG_TIMEOUT="soon")
    assert ran.code == 2
    assert "a variable of the hub (HF_...) makes no sense: " in ran.err
    assert "'soon'" in ran.err
