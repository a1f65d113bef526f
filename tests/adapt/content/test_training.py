"""Methods that read content, through the command line, with tiny random encoders as plumbing."""

import json
import shutil

import pytest
from PIL import Image

from adapt.content.conftest import run
from mirctl import artifact
from mirctl.testing.catalogue import N_ITEMS


def test_missing_and_broken_pictures_are_counted_and_train(mirctl, recipe, tmp_path):
    _, told = run(mirctl, recipe, tmp_path / "m")
    assert f"image: {N_ITEMS - 7} of {N_ITEMS} items have states" in told
    assert "6 no image, 1 not an image (i1)" in told


def test_a_second_run_encodes_nothing_and_gives_the_same_bytes(mirctl, recipe, tmp_path):
    run(mirctl, recipe, tmp_path / "a")
    _, told = run(mirctl, recipe, tmp_path / "b")
    assert told.count("(0 encoded now") == 2
    for file in ("metrics.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        ["model.method=frozen"],
        ["model.method=frozen", "model.head=linear"],
        ["model.ids=true"],
        ["model.intra=false"],
        ["model.inter=false"],
        ["model.gate=false"],
        ["model.image=null"],
        ["model.text=null"],
        ["model.layers=last"],
        ["model.layers=every-second"],
        ["model.layers=all"],
        ["model.groups={text: 1, image: 2}"],
        ["train.loss=batch"],
        ["evaluation.protocol=iisan"],
        ["model.normalize=false"],
    ],
    ids=lambda changes: " ".join(changes),
)
def test_every_ablation_runs_and_its_artifact_gives_the_same_metrics(
    mirctl, recipe, tmp_path, changes
):
    document, _ = run(mirctl, recipe, tmp_path / "m", *changes, "train.epochs=1")
    again = mirctl("adapt", "eval", tmp_path / "m", "--json")
    assert json.loads(again.out)["metrics"] == document["metrics"], again.err


def test_iisan_says_that_its_towers_must_match(mirctl, recipe, tmp_path, bert):
    ran = mirctl("adapt", "run", recipe, "model.method=iisan", "--out", tmp_path / "m")
    assert ran.code == 2
    assert "use iisan-versa" in ran.err
    same = ["model.method=iisan", "model.image=null", f"model.columns.title={bert}"]
    run(mirctl, recipe, tmp_path / "m", *same)


def test_captions_are_a_modality(mirctl, recipe, tmp_path, catalogue, llama):
    lines = (catalogue / "items.csv").read_text().splitlines()
    captions = ["caption", *(f"story {i % 3}" if i % 4 else "" for i in range(N_ITEMS))]
    text = "\n".join(f"{line},{caption}" for line, caption in zip(lines, captions))
    (catalogue / "items.csv").write_text(text + "\n")
    changes = ["model.image=null", f"model.columns.caption={llama}"]
    _, told = run(mirctl, recipe, tmp_path / "m", *changes)
    assert "caption: 22 of 30 items have states" in told
    assert "8 no text" in told


def test_a_layer_that_does_not_exist_is_named(mirctl, recipe, tmp_path):
    changes = ["model.text.layers=[1, 9]"]
    ran = mirctl("adapt", "run", recipe, *changes, "--out", tmp_path / "m")
    assert ran.code == 2
    assert "layer 9 does not exist" in ran.err
    assert "0 to 2" in ran.err


def test_encode_alone_fills_the_cache_in_shards(mirctl, recipe, tmp_path):
    for part in (1, 2):
        ran = mirctl("adapt", "encode", recipe, "--shard", f"{part}/2", "--json")
        assert ran.code == 0, ran.err
        towers = json.loads(ran.out)["towers"]
        assert 0 < towers["text"]["encoded_now"] < N_ITEMS
    for wrong in ("3/2", f"1/{10**30}", f"1/{'9' * 5000}"):
        assert mirctl("adapt", "encode", recipe, "--shard", wrong).code == 2
    out = tmp_path / "states"
    ran = mirctl("adapt", "encode", recipe, "--out", out, "--json")
    assert json.loads(ran.out)["towers"]["text"]["encoded_now"] == 0
    assert mirctl("artifact", "verify", out).code == 0


def test_a_shard_may_be_empty(mirctl, recipe, tmp_path):
    out = tmp_path / "states"
    shard = f"{N_ITEMS + 1}/{N_ITEMS + 1}"
    ran = mirctl("adapt", "encode", recipe, "--shard", shard, "--out", out)
    assert ran.code == 0, ran.err
    art = artifact.open_artifact(out)
    assert [len(art.tensors(name)["items"]) for name in art.groups()] == [0, 0]
    assert mirctl("artifact", "verify", out).code == 0


def test_a_tower_that_no_item_has_anything_for_is_refused(mirctl, recipe, pictures, tmp_path):
    for file in pictures.iterdir():
        file.write_bytes(b"no picture")
    ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m")
    assert (ran.code, "model.image: no item has any image" in ran.err) == (3, True), ran.err
    assert not (tmp_path / "m").exists()


def test_a_layer_that_does_not_exist_is_told_with_its_tower(mirctl, recipe, vit, tmp_path):
    change = f"model.image={{model: {vit}, layers: [0, 99]}}"
    ran = mirctl("adapt", "run", recipe, change, "--out", tmp_path / "m")
    assert (ran.code, "model.image.layers: layer 99 does not exist" in ran.err) == (2, True)


def test_pictures_named_by_a_column_are_inputs_too(mirctl, recipe, catalogue, pictures, tmp_path):
    lines = (catalogue / "items.csv").read_text().splitlines()
    rows = [
        f"{lines[0]},pic",
        *(f"{line},images/{line.partition(',')[0]}.png" for line in lines[1:]),
    ]
    (catalogue / "with_pictures.csv").write_text("\n".join(rows) + "\n")
    table = catalogue / "with_pictures.csv"
    changes = ["data.images=null", "data.columns.image=pic", f"data.items={table}"]
    before, _ = run(mirctl, recipe, tmp_path / "m", *changes, "train.epochs=6")
    assert "image of the items" in mirctl("artifact", "inspect", tmp_path / "m").out
    same = mirctl("adapt", "eval", tmp_path / "m", "--json")
    assert json.loads(same.out)["metrics"]["mrr"] == before["metrics"]["mrr"]
    for file in pictures.glob("*.png"):
        Image.new("RGB", (40, 40), "red").save(file)
    ran = mirctl("adapt", "eval", tmp_path / "m", "--json")
    assert json.loads(ran.out)["metrics"]["mrr"] != before["metrics"]["mrr"]


def test_a_stopped_run_of_content_resumes_to_the_same_bytes(mirctl, recipe, tmp_path):
    from mirctl import training

    run(mirctl, recipe, tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training._Loop, "_end_epoch", interrupt_after_saving)
        assert mirctl("adapt", "run", recipe, "--out", tmp_path / "m").code == 130
    ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m", "--resume")
    assert ran.code == 0, ran.err
    assert json.loads((tmp_path / "m" / "efficiency.json").read_text())["parts"] == 2
    for file in ("metrics.json", "model.safetensors"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "m" / file).read_bytes()


def test_states_are_kept_while_a_run_trains_on_them(mirctl, recipe, tmp_path):
    from mirctl import cache, training

    removed = []

    def prune(loop, *_):
        removed.extend(item.entry.section for item in cache.prune(0, None))
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training._Loop, "_end_epoch", prune)
        assert mirctl("adapt", "run", recipe, "--out", tmp_path / "m").code == 130
    assert "states" not in removed


@pytest.mark.parametrize("what", ["weights", "pictures"])
def test_a_run_does_not_go_on_with_other_inputs(mirctl, recipe, bert, pictures, tmp_path, what):
    from mirctl import training

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training._Loop, "_end_epoch", interrupt_after_saving)
        ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m")
    assert ran.code == 130
    if what == "weights":
        weights = bert / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\x80?")
    else:
        Image.new("RGB", (40, 40), "red").save(pictures / "i2.png")
    ran = mirctl("adapt", "run", recipe, "--out", tmp_path / "m", "--resume")
    assert (ran.code, "changed since this run began" in ran.err) == (2, True), ran.err


def interrupt_after_saving(loop, *_):
    loop._save()
    raise KeyboardInterrupt


def test_states_are_written_block_by_block(mirctl, recipe, tmp_path, monkeypatch):
    import torch

    from mirctl.encode import stored

    mirctl("adapt", "encode", recipe, "--out", tmp_path / "whole")
    monkeypatch.setattr(stored, "ROWS", 7)
    mirctl("adapt", "encode", recipe, "--out", tmp_path / "cut")
    parts = artifact.open_artifact(tmp_path / "cut").tensors("text")
    whole = artifact.open_artifact(tmp_path / "whole").tensors("text")
    blocks = [parts[name] for name in sorted(parts) if name.startswith("states")]
    assert len(blocks) == -(-N_ITEMS // 7)
    assert torch.equal(torch.cat(blocks), whole["states.00000"])
    assert torch.equal(parts["items"], whole["items"])


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("model.columns.captoin=minilm", 3, "has no column 'captoin'"),
        ("model.groups.txt=3", 2, "did you mean 'text'"),
    ],
)
def test_what_no_encoding_mends_is_told_before_it(mirctl, recipe, tmp_path, change, code, message):
    ran = mirctl("adapt", "run", recipe, change, "--out", tmp_path / "m")
    assert (ran.code, message in ran.err, "have states" in ran.err) == (code, True, False), ran.err


@pytest.mark.parametrize("method", ["id", "pop"])
def test_encoders_that_a_method_does_not_read_play_no_part(mirctl, recipe, tmp_path, method):
    before, told = run(mirctl, recipe, tmp_path / "m", f"model.method={method}")
    assert "have states" not in told
    assert "Encoders" not in (tmp_path / "m" / "README.md").read_text()
    again = mirctl("adapt", "eval", tmp_path / "m", "--json")
    assert json.loads(again.out)["metrics"] == before["metrics"]
    out = tmp_path / "e.parquet"
    ran = mirctl("adapt", "embed", tmp_path / "m", "--items", recipe, "--out", out)
    assert (ran.code, "by id alone" in ran.err) == (2, True), ran.err


def test_the_kept_epoch_is_told(mirctl, recipe, tmp_path):
    _, told = run(mirctl, recipe, tmp_path / "m", "train.epochs=3")
    history = json.loads((tmp_path / "m" / "extra" / "history.json").read_text())
    best = max(range(3), key=lambda n: history[n]["ndcg@10"]) + 1
    assert f"epoch {best} is kept" in told
    shown = mirctl("artifact", "inspect", tmp_path / "m").out
    assert f"kept_epoch: {best}" in shown
    assert "method: iisan-versa" in shown
    assert f"Epoch {best} was kept" in (tmp_path / "m" / "README.md").read_text()


@pytest.mark.parametrize("warm", [True, False])
def test_a_cache_that_only_lets_read_changes_nothing(
    mirctl, recipe, tmp_path, own_cache, no_privileges, warm
):
    run(mirctl, recipe, tmp_path / "a", "train.epochs=1")
    if not warm:
        shutil.rmtree(own_cache / "states")
    places = [own_cache, *own_cache.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        _, told = run(mirctl, recipe, tmp_path / "b", "train.epochs=1")
    finally:
        for place in places:
            place.chmod(0o755)
    assert (told.count("(0 encoded now") == 2) == warm
    assert ("new states are not kept" in told) != warm
    for file in ("metrics.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
