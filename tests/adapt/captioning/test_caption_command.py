"""`adapt caption`: a table in, the same table with captions out."""

import csv
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapt.captioning.conftest import noise
from mirctl_adapt.captioning import captioner, preparing, writing


def rows(path):
    with open(path, newline="") as file:
        return {row["item_id"]: row["caption"] for row in csv.DictReader(file)}


def test_the_table_stays_byte_for_byte(captioned, shop):
    captioned()
    before, after = ((shop / name).read_bytes().split(b"\r\n") for name in ("items.csv", "out.csv"))
    assert after[0] == before[0] + b",caption"
    assert all(new.startswith(old + b",") for old, new in zip(before[:-1], after[:-1], strict=True))


def test_every_item_is_told_of(captioned, shop):
    ran = captioned("--json")
    found = rows(shop / "out.csv")
    assert found["i1"] == found["i5"] != ""
    assert [item for item, text in found.items() if not text] == ["i3", "i7"]
    told = json.loads(ran.out)
    assert told["items"] == 12
    assert (told["captions"], told["written_now"]) == (10, 9)
    assert told["absent"] == {"no image": 1, "not an image": 1}
    assert "1 not an image (i7)" in ran.err


def test_ten_new_items_cost_ten_captions(captioned, shop, monkeypatch):
    captioned()
    first = (shop / "out.csv").read_bytes()
    for n in range(20, 30):
        noise(n).save(shop / "pictures" / f"i{n}.png")
    more = (shop / "items.csv").read_bytes() + b"".join(b"i%d,t,0\r\n" % n for n in range(20, 30))
    (shop / "more.csv").write_bytes(more)
    ran = captioned("--json", items=shop / "more.csv", out=shop / "more_out.csv")
    assert json.loads(ran.out)["written_now"] == 10
    assert (shop / "more_out.csv").read_bytes().startswith(first)
    monkeypatch.setattr(captioner.Source, "load", None)
    again = captioned("--json", "--force")
    assert json.loads(again.out)["written_now"] == 0
    assert (shop / "out.csv").read_bytes() == first


def test_what_was_interrupted_goes_on(captioned, shop, monkeypatch):
    write, batches = captioner.Captioner.write, []

    def stops(self, items):
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(len(items))
        return write(self, items)

    monkeypatch.setattr(captioner.Captioner, "write", stops)
    ran = captioned("--batch-size", 1, code=130)
    assert "the same command goes on" in ran.err
    assert not (shop / "out.csv").exists()
    monkeypatch.setattr(captioner.Captioner, "write", write)
    again = captioned("--json")
    assert json.loads(again.out)["written_now"] == 9 - sum(batches)


def test_shards_put_together_are_the_whole(captioned, mirctl, shop, monkeypatch):
    monkeypatch.setattr(writing, "ROWS", 3)
    captioned()
    parts = [shop / f"part-{i}-of-3.csv" for i in (1, 2, 3)]
    for i, part in enumerate(parts, 1):
        captioned("--shard", f"{i}/3", out=part)
    assert mirctl("artifact", "merge", *parts, "--out", shop / "joined.csv").code == 0
    assert (shop / "joined.csv").read_bytes() == (shop / "out.csv").read_bytes()


def test_every_format_keeps_its_types(captioned, shop):
    table = pa.table({"item_id": [f"i{n}" for n in range(1, 13)], "price": [1.5] * 12,
                      "tags": [["a", "b"]] * 12})  # fmt: skip
    pq.write_table(table, shop / "items.parquet")
    captioned(items=shop / "items.parquet", out=shop / "out.parquet")
    found = pq.read_table(shop / "out.parquet")
    assert found.drop(["caption"]) == table
    captioned()
    told = rows(shop / "out.csv")
    texts = dict(zip(found["item_id"].to_pylist(), found["caption"].to_pylist(), strict=True))
    assert texts == {item: text or None for item, text in told.items()}
    lines = [json.dumps({"item_id": name, "n": 1}) for name in texts]
    (shop / "items.jsonl").write_text("\n".join(lines) + "\n")
    captioned(items=shop / "items.jsonl", out=shop / "out.jsonl")
    read = [json.loads(line) for line in (shop / "out.jsonl").read_text().splitlines()]
    assert read == [{"item_id": n, "n": 1, "caption": t} for n, t in texts.items()]


def test_through_pipes(captioned, shop, monkeypatch):
    captioned()
    pipe = io.TextIOWrapper(io.BytesIO((shop / "items.csv").read_bytes()))
    monkeypatch.setattr(sys, "stdin", pipe)
    ran = captioned(items="-", out="-")
    assert ran.out.split() == (shop / "out.csv").read_text().split()


def test_a_column_that_is_there_is_kept_unless_forced(captioned, shop):
    captioned()
    out = shop / "twice.csv"
    ran = captioned(items=shop / "out.csv", out=out, code=2)
    assert "already" in ran.err
    captioned("--column", "other", items=shop / "out.csv", out=out)
    assert out.read_text().splitlines()[0].endswith(",caption,other")
    text = (shop / "out.csv").read_bytes()
    (shop / "out.csv").write_bytes(text.replace(b'"title, 1" ,001,', b'"title, 1" ,001,old '))
    captioned("--force", items=shop / "out.csv", out=out)
    assert out.read_bytes() == text


def test_files_that_a_column_names(captioned, shop):
    (shop / "named.csv").write_text("key,cover\nx,i1.png\ny,gone.png\nz,\nw,i2.png\n")
    ran = captioned("--id", "key", "--file", "cover", "--json", items=shop / "named.csv")
    told = json.loads(ran.out)
    assert told["captions"] == 2
    assert told["absent"] == {"missing file": 1, "no image": 1}


def test_a_picture_that_changed_is_looked_at_again(captioned, shop):
    captioned()
    noise(99).save(shop / "pictures" / "i2.png")
    ran = captioned("--force", "--json")
    assert json.loads(ran.out)["written_now"] == 1


def test_a_picture_that_the_model_does_not_take_is_told(captioned, shop, monkeypatch):
    prepare = preparing.Preparer.__call__

    def refuses_narrow(self, pictures):
        if pictures[0].width < 5:
            raise ValueError("too narrow")
        return prepare(self, pictures)

    noise(2, (3, 90)).save(shop / "pictures" / "i2.png")
    monkeypatch.setattr(preparing.Preparer, "__call__", refuses_narrow)
    ran = captioned("--json")
    assert json.loads(ran.out)["absent"]["a shape that the model does not take"] == 1
    assert "(i2)" in ran.err
    assert rows(shop / "out.csv")["i4"]


def test_a_damaged_cache_is_written_again(captioned, shop, mirctl_cache):
    captioned()
    first = (shop / "out.csv").read_bytes()
    (file,) = (mirctl_cache / "captions").glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    ran = captioned("--force")
    assert "made again" in ran.err
    assert (shop / "out.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--frames", 2), 2, "--videos"),
        (("--videos", "."), 2, "--images FOLDER, or --videos FOLDER"),
        (("--id", "sku"), 3, "sku"),
        (("--column", ""), 2, "of their own"),
        (("--column", "item_id", "--force"), 2, "of their own"),
        (("--id", "number"), 3, "no item gets a caption"),
        (("--file", "cover"), 3, "cover"),
        (("--max-tokens", 0), 2, "range"),
        (("--shard", "3/2"), 2, "--shard"),
        (("--device", "cuda:77"), 5, "cuda:77"),
    ],
)
def test_what_is_asked_wrongly_is_told(captioned, shop, options, code, told):
    ran = captioned(*options, code=code)
    assert told in ran.err
    assert not (shop / "out.csv").exists()


def test_a_report_and_a_table_do_not_share_stdout(captioned):
    assert "drop one" in captioned("--json", out="-", code=2).out


def test_an_item_without_an_id_is_told_by_its_row(captioned, shop):
    (shop / "items.csv").write_text("item_id,title\ni1,a\n ,b\n")
    assert "row 2" in captioned(code=3).err


def test_a_model_that_is_not_here_is_missing(captioned):
    assert "there is no such folder" in captioned(model="./nowhere", code=5).err


def test_captions_are_a_step_before_a_recommender(mirctl, shop, git, bert):
    lines = [f"u{u},i{(u + t) % 12 + 1},{t}" for u in range(30) for t in range(6)]
    (shop / "interactions.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(lines))
    (shop / "pipeline.yaml").write_text(
        "steps:\n"
        f"  said: {{uses: adapt/caption, items: items.csv, images: pictures, model: {git},\n"
        "         max_tokens: 8}\n"
        "  model:\n"
        "    uses: adapt/run\n"
        "    data: {interactions: interactions.csv, items: {step: said}}\n"
        f"    model: {{columns: {{caption: {bert}}}, dim: 16, bottleneck: 8, user_layers: 1}}\n"
        "    train: {epochs: 1, batch_size: 16}\n"
    )
    ran = mirctl("run", shop / "pipeline.yaml", "--out", shop / "out", "--json")
    assert ran.code == 0, ran.err
    assert (shop / "out" / "said.csv").read_text().startswith("item_id,title,number,caption")
    assert "caption: 10 of 12 items have states" in ran.err
