"""Pictures made to harm, and packed tables: a small file that claims to be huge."""

import json
import os
import struct
import zlib

import pyarrow as pa
import pytest
from pyarrow import parquet

from mirctl.encode.pictures import MAX_BYTES


def png(width, height, data=b""):
    """A greyscale PNG whose header says so, whatever its data."""

    def chunk(name, content):
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def ico(picture):
    """An icon of 16 pixels, whose picture may be larger."""
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + picture


SIDE = 60_000
PICTURES = {
    "a.png": png(SIDE, SIDE, zlib.compress(b"\0\0")),
    "b.bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, SIDE, SIDE, 1, 24, *[0] * 6),
    "c.tga": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, SIDE, SIDE, 24, 0),
    "d.ppm": b"P6 60000 60000 255\n\0",
    "e.ico": ico(png(SIDE, SIDE, zlib.compress(b"\0\0"))),
}
FOREIGN = {
    "f.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "g.png": b"%!PS\n(%pipe%touch {canary}) (w) file\n",
    "h.jpg": b"push graphic-context\nimage over 0,0 0,0 'ephemeral:|touch {canary}'\n",
}


@pytest.fixture
def shop(tmp_path, canary):
    """Interactions of items whose pictures are these files, and one that is sound."""
    files = {**PICTURES, **FOREIGN, "z.png": png(1, 1, zlib.compress(b"\0\0"))}
    (tmp_path / "pictures").mkdir()
    for name, content in files.items():
        told = content.replace(b"{canary}", str(canary).encode())
        (tmp_path / "pictures" / name).write_bytes(told)
    with (tmp_path / "pictures" / "y.png").open("wb") as file:
        file.truncate(64 * MAX_BYTES)  # a hole, which takes no disk
    names = sorted(os.listdir(tmp_path / "pictures"))
    rows = "".join(f"u,i{n},{n}\n" for n in range(len(names)))
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n" + rows)
    items = "".join(f"i{n},pictures/{name}\n" for n, name in enumerate(names))
    (tmp_path / "items.csv").write_text("item_id,cover\n" + items)
    return tmp_path


def test_pictures_that_claim_too_much_or_are_programs_are_counted_and_not_opened(
    mirctl, shop, no_process
):
    ran = mirctl(
        "data", "check", "--interactions", shop / "log.csv", "--items", shop / "items.csv",
        "--column", "image=cover", "--deep", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert told["unreadable_images"] == len(PICTURES) + len(FOREIGN) + 1
    told_of = told["examples"]["unreadable images"]
    assert all("too large image" in why for why in told_of[:5]), told_of


LOG = {
    "user_id": pa.array(["u", "u"]),
    "item_id": pa.array(["i", "j"]),
    "timestamp": pa.array([1, 2]),
}


def damaged(change):
    """The bytes of a small Parquet file, its index changed."""

    def content():
        sink = pa.BufferOutputStream()
        parquet.write_table(pa.table(LOG), sink, compression="NONE")
        return change(sink.getvalue().to_pybytes())

    return content


def claims(length):
    return lambda raw: raw[:-8] + struct.pack("<I", length) + raw[-4:]


TABLES = {
    "an index longer than the file": damaged(claims(0x7FFFFFFF)),
    "an index of all bits": damaged(claims(0xFFFFFFFF)),
    "an index that is not there": damaged(lambda raw: b"PAR1" + raw[-8:]),
    "an index of noise": damaged(lambda raw: raw[:4] + b"\x19" * len(raw) + raw[-8:]),
    "nothing between the marks": damaged(lambda raw: b"PAR1" + b"\0" * 4 + b"PAR1"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_parquet_file_with_an_absurd_index_is_refused(mirctl, tmp_path, case):
    table = tmp_path / "log.parquet"
    table.write_bytes(TABLES[case]())
    for command in (
        ["data", "check", "--interactions", table],
        ["impute", "schema", table],
    ):
        ran = mirctl(*command)
        assert (ran.code, "cannot be read as Parquet" in ran.err) == (3, True), ran
        assert "Traceback" not in ran.err
