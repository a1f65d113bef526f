import json

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
