"""`fuse serve`: it finds what the command line finds, and refuses what a client must not send."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from fuse.runs import HOSTILE
from mirctl.data.config import DataConfig
from mirctl_fuse import searching

pytest.importorskip("fastapi")

from mirctl_fuse.serving import app, pictures, running


def rows_of(search, query, k=10, **how):
    """What the command line finds."""
    options = {"apart": False, "approximate": False, **how}
    where = options.pop("where", [])
    found = searching.rows(search, [(query, "the query")], k, where, **options)
    return [(row["item_id"], row["title"], row["score"]) for row in found]


def found_by(answer):
    assert answer.status_code == 200, answer.text
    rows = answer.json()["results"]
    assert [row["rank"] for row in rows] == [*range(1, len(rows) + 1)]
    return [(row["item_id"], row["title"], row["score"]) for row in rows]


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ({"text": "one heat toy"}, {}),
        ({"text": "two story"}, {"apart": True, "k": 4}),
        ({"user": "u3"}, {"k": 30}),
        ({"history": ["i1", "i2", "nobody"]}, {"where": ["kind=odd"]}),
    ],
)
def test_it_finds_what_the_command_line_finds(client, search, query, how):
    answer = client.post("/search", json={"query": query, **how})
    told = found_by(answer)
    wanted = rows_of(search, query, **how)
    assert [row[:2] for row in told] == [row[:2] for row in wanted]
    assert [row[2] for row in told] == pytest.approx([row[2] for row in wanted], abs=1e-4)


def test_a_picture_that_is_sent_is_looked_for(client, search, index):
    file = index.parent / "images" / "i5.png"
    asked = {"apart": True, "k": 3, "query": {"text": "one heat toy"}}
    sent = {"image": ("mine.png", file.read_bytes(), "image/png")}
    told = found_by(client.post("/search", data={"search": json.dumps(asked)}, files=sent))
    both = {"text": "one heat toy", "image": str(file)}
    assert told == rows_of(search, both, 3, apart=True)
    alone = found_by(client.post("/search", files=sent))
    assert alone == rows_of(search, {"poster": str(file)})


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no JSON object"),
        ('{"query": {"text": NaN}}', "is not a text"),
        ('{"query": {}}', "nothing is asked"),
        ('{"query": {"text": ""}}', "is not a text"),
        ('{"query": {"text": 3}}', "is not a text"),
        ('{"query": 3}', "query"),
        ('{"qery": {"text": "x"}}', "did you mean 'query'"),
        ('{"query": {"sound": "x"}}', "no 'sound'"),
        ('{"query": {"user": "nobody"}}', "no user 'nobody'"),
        ('{"query": {"user": "u1", "text": "x"}}', "one user"),
        ('{"query": {"history": "i1"}}', "history"),
        ('{"query": {"text": "x"}, "k": 0}', "k: "),
        ('{"query": {"text": "x"}, "k": 100000}', "k: "),
        ('{"query": {"text": "x"}, "k": "3"}', "k: "),
        ('{"query": {"text": "x"}, "where": ["colour=red"]}', "no column 'colour'"),
        ('{"query": {"text": "x"}, "where": ["kind=\\ud800"]}', "filter"),
        ('{"query": {"text": "x"}, "where": ["kind=none"]}', "no item has kind=none"),
        ('{"query": {"text": "x"}, "approximate": true}', "no approximate search"),
        ('{"query": {"image": "/etc/passwd"}}', "is a file: send it"),
        ('{"query": {"own": "x"}}', "no 'own'"),
    ],
)
def test_what_cannot_be_asked_is_the_clients_fault(client, document, told):
    kind = {"Content-Type": "application/json"}
    answer = client.post("/search", content=document.encode(), headers=kind)
    assert answer.status_code == 400
    assert told in str(answer.json()["error"])


def test_half_characters_are_searched_like_any_other(client):
    asked = b'{"query": {"text": "\\ud800 toy"}}'
    answer = client.post("/search", content=asked, headers={"Content-Type": "application/json"})
    assert len(found_by(answer)) == 10


@pytest.mark.parametrize(
    ("files", "data", "told"),
    [
        ({"image": ("my.png", b"no picture")}, {}, "my.png cannot be read: not an image"),
        ({"image": ("my.png", b"")}, {}, "my.png cannot be read: empty file"),
        ({"image": ("../../my.png", b"x")}, {}, "cannot be read"),
        ({"text": ("t.txt", b"x")}, {}, "is a text"),
        ({"sound": ("t.wav", b"x")}, {}, "no 'sound'"),
        ({"image": ("a.png", b"x")}, {"image": "/etc/passwd"}, "others are files"),
        ({"image": ("a.png", b"x")}, {"search": '{"query": {"image": "x"}}'}, "is a file"),
        ({"image": ("a.png", b"x")}, {"search": "{"}, "is no JSON"),
    ],
)
def test_a_file_that_cannot_be_is_told_by_its_owners_name(client, files, data, told):
    answer = client.post("/search", files=files, data=data)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert told in message
    assert "/tmp" not in message


def test_broken_forms_and_other_content_are_refused(client):
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for headers, content in ((form, b"no parts"), ({"Content-Type": "multipart/form-data"}, b"x")):
        assert client.post("/search", content=content, headers=headers).status_code == 400
    answer = client.post("/search", content=b"x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, "text/plain" in answer.json()["error"]["message"]) == (415, True)
    many = [("image", (f"{n}.png", b"x")) for n in range(40)]
    assert client.post("/search", files=many).status_code == 400
    assert client.get("/search").json()["error"]["code"] == 405
    assert client.get("/nowhere").json()["error"]["code"] == 404


def test_what_is_too_large_is_refused_with_and_without_a_length(client, monkeypatch):
    from mirctl_fuse.serving import limits

    monkeypatch.setattr(limits, "MOST_UPLOAD", 1000)
    monkeypatch.setattr(limits, "MOST_DOCUMENT", 500)
    told = client.post("/search", files={"image": ("a.png", b"x" * 2000)})
    assert (told.status_code, "larger than 1 kB" in told.text) == (413, True)
    long = json.dumps({"query": {"text": "x" * 600}}).encode()
    headers = {"Content-Type": "application/json"}
    assert client.post("/search", content=long, headers=headers).status_code == 413
    parts = (long[n : n + 100] for n in range(0, len(long), 100))
    assert client.post("/search", content=parts, headers=headers).status_code == 413


def test_items_tell_their_columns_and_pictures_are_small(client, index):
    item = client.get("/items/i7").json()
    assert item == {"item_id": "i7", "columns": {"title": HOSTILE, "kind": HOSTILE},
                    "picture": "/pictures/i7"}  # fmt: skip
    assert client.get("/items/i0").json()["picture"] is None
    drawn = client.get("/pictures/i7")
    with Image.open(io.BytesIO(drawn.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (40, 40))
    for path in ("/items/none", "/pictures/i0", "/pictures/none"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2frecipe.yaml", "%2fetc%2fpasswd", "....//images/i7.png", "i7.png", "%00", "i7%2f"],
)
def test_no_path_leads_to_a_file(client, path):
    for route in ("pictures", "items", "page"):
        answer = client.get(f"/{route}/{path}")
        assert answer.status_code == 404
        assert "error" in answer.json()


def test_pictures_that_a_table_names_stay_in_their_folder(search, tmp_path):
    import pyarrow as pa

    (tmp_path / "in").mkdir()
    for place in ("secret.png", "in/a.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / place)
    names = ["../secret.png", str(tmp_path / "secret.png"), "x/../../secret.png", "x/../a.png"]
    ids = [f"i{n}" for n in range(4)]
    made = type(search.index)(pa.table({"item_id": ids, "file": names}), {}, search.index.model)
    data = DataConfig(interactions="i.csv", items="t.csv", columns={"image": "file"})
    found = pictures.of_items(made, data, tmp_path / "in")
    assert found == {"i3": tmp_path / "in" / "a.png"}


def test_a_folder_that_went_is_told_and_an_asked_one_is_wanted(search, tmp_path, capsys):
    config = search.saved.config.data.model_copy(update={"images": tmp_path / "gone"})
    assert pictures.of_items(search.index, config, None) == {}
    assert "--images" in capsys.readouterr().err
    with pytest.raises(pictures.MirctlError):
        pictures.of_items(search.index, config, tmp_path / "none")


def test_many_at_once_are_answered_as_alone_and_a_bad_one_harms_no_other(client):
    asked = [{"text": f"one {word} toy"} for word in ("one", "two", "heat", "story")] * 6
    alone = [found_by(client.post("/search", json={"query": query})) for query in asked[:4]] * 6
    broken = {"image": ("a.png", b"no")}

    def ask(query):
        if query is None:
            return client.post("/search", files=broken)
        return client.post("/search", json={"query": query})

    with ThreadPoolExecutor(25) as pool:
        answers = [*pool.map(ask, [*asked, *[None] * 6])]
    assert [answer.status_code for answer in answers[24:]] == [400] * 6
    for one, answer in zip(alone, answers, strict=False):
        assert [row[0] for row in found_by(answer)] == [row[0] for row in one]


def test_a_fault_of_the_server_harms_no_other(client, search, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(search, "vectors", lambda queries, apart: 1 / 0)
        answer = client.post("/search", json={"query": {"text": "x"}})
    assert (answer.status_code, "error" in answer.json()) == (500, True)
    assert "ZeroDivision" not in answer.text
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert client.post("/search", json={"query": {"text": "x"}}).status_code == 200


def test_what_is_shown_is_text_and_comes_from_here(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for path in ("/", "/page.css", "/page.js"):
        content = client.get(path)
        policy = content.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "http://" not in content.text
        assert "https://" not in content.text
    script = client.get("/page.js").text
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert word not in script
    answer = client.get("/items/i7")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_it_tells_of_itself(client):
    assert client.get("/health").json() == {"status": "ok", "items": 30}
    about = client.get("/about").json()
    assert about["modalities"] == {"text": "text", "poster": "image"}
    assert about["columns"] == {"kind": sorted([HOSTILE, "odd"])}
    body = client.get("/openapi.json").json()["paths"]["/search"]["post"]["requestBody"]
    assert set(body["content"]) == {"application/json", "multipart/form-data"}


def test_when_it_ends_nobody_waits(search):
    made = app.Served(search, {})
    with made.together:
        pass
    assert "ends" in str(made.together.ask(None).exception(timeout=1))
    assert not [one for one in threading.enumerate() if one is made.together._thread]


def test_what_is_missing_or_taken_is_told(mirctl, index, monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = mirctl("fuse", "serve", index, "--port", port)
    assert (ran.code, "--port" in ran.err) == (2, True)
    assert mirctl("fuse", "serve", index, "--host", "no such host").code == 2
    assert mirctl("fuse", "serve", index / "none", "--port", "0").code == 4
    monkeypatch.setattr(running, "find_spec", lambda name: None)
    ran = mirctl("fuse", "serve", index)
    assert (ran.code, "pip install 'mirctl[serve]'" in ran.err) == (5, True)
