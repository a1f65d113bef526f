import json

from mirctl import artifact


def test_a_new_repository_is_private_and_holds_the_whole_artifact(made, mirctl, hub, tmp_path):
    ran = mirctl("hub", "push", made(), "org/shop", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert hub.repos["org/shop"].private
    assert facts["private"]
    assert facts["sent"]
    assert facts["commit"] == hub.repos["org/shop"].branches["main"]
    for name, content in hub.files("org/shop").items():
        (tmp_path / "there" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "there" / name).write_bytes(content)
    assert artifact.verify(tmp_path / "there") == []
    assert artifact.open_artifact(tmp_path / "there").manifest.digest == facts["digest"]
