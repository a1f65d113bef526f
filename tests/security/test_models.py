"""Models made to harm, as folders and as wheels: weights and settings are read, nothing is run."""

import json
import pickle
import re
import shutil
import zipfile

import pytest
import torch

from mirctl import cache
from mirctl import recipe as recipes
from mirctl import run as runs
from mirctl.errors import RunError
from mirctl.hub import wheels
from mirctl_adapt.config import AdaptConfig

EVIL = "evil/kernel"
PROCESSORS = ("AutoProcessor", "AutoImageProcessor", "AutoFeatureExtractor")
OWN = {"AutoConfig": "own.C", "AutoModel": "own.M", "AutoTokenizer": ["own.T", "own.T"]}


class Payload:
    """What a pickle can do."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


def settings(name, **changes):
    def change(folder):
        path = folder / name
        told = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(told | changes))

    return change


def template(canary):
    return "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}".replace(
        "CANARY", str(canary)
    )


REFUSED = {
    "code for a model of its own": (
        settings("config.json", model_type="own", auto_map=OWN),
        "contains custom code",
    ),
    "a kernel of a stranger": (
        settings("config.json", attn_implementation=EVIL),
        "attn_implementation in its config.json names code to run",
    ),
    "a kernel by the other name": (
        settings("config.json", _attn_implementation=f"paged|{EVIL}"),
        "_attn_implementation in its config.json names code to run",
    ),
    "a kernel for a part": (
        settings("config.json", text_config={"experts_implementation": {"": EVIL}}),
        "experts_implementation in its config.json names code to run",
    ),
    "an adapter beside": (
        settings("adapter_config.json", peft_type="LORA", megatron_core="own", megatron_config={}),
        "merge the adapter",
    ),
}
IGNORED = {
    "code for a known model": settings("config.json", auto_map=OWN),
    "code for a tokenizer": settings(
        "tokenizer_config.json", tokenizer_class="own.T", auto_map=OWN
    ),
    "code for a processor": settings(
        "preprocessor_config.json", auto_map=dict.fromkeys(PROCESSORS, "own.P")
    ),
}


@pytest.fixture
def folder(bert, tmp_path, canary, monkeypatch):
    """A model, and a module `own` in it which could even be imported."""
    folder = shutil.copytree(bert, tmp_path / "model")
    (folder / "own.py").write_text(f"open({str(canary)!r}, 'w')\nclass C: pass\nM = T = P = C\n")
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def encode(mirctl, tiny_catalogue):
    """Encodes the titles of the tiny catalogue with a model."""
    recipe = tiny_catalogue / "recipe.yaml"
    recipe.write_text(
        "uses: adapt/run\n"
        "data: {interactions: interactions.csv, items: items.csv}\n"
        "model: {method: frozen, text: {model: x, max_tokens: 32}}\n"
    )
    return lambda name: mirctl("adapt", "encode", recipe, f"model.text.model={name}")


def refused(ran, message):
    assert (ran.code, message in ran.err) == (5, True), ran.err[:2000]
    assert "Traceback" not in ran.err
    return True


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_needs_foreign_code_is_refused(encode, folder, no_process, case):
    change, message = REFUSED[case]
    change(folder)
    assert refused(encode(folder), message)


@pytest.mark.parametrize("case", IGNORED)
def test_code_that_a_model_brings_is_left_alone(encode, folder, no_process, case):
    IGNORED[case](folder)
    assert encode(folder).code == 0


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.jinja"])
def test_the_template_of_a_tokenizer_is_never_filled_in(encode, folder, canary, no_process, name):
    if name.endswith("json"):
        settings(name, chat_template=template(canary))(folder)
    else:
        (folder / name).write_text(template(canary))
    assert encode(folder).code == 0


def test_a_pickle_under_the_name_of_tensors_is_refused(encode, folder, canary, no_process):
    (folder / "model.safetensors").write_bytes(pickle.dumps(Payload(canary)))
    assert refused(encode(folder), "header")


def test_a_pickle_beside_the_tensors_is_not_read(encode, folder, canary, no_process):
    for name in ("pytorch_model.bin", "training_args.bin", "model.pth", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(Payload(canary)))
    assert encode(folder).code == 0


def test_a_checkpoint_with_code_in_it_is_refused(mirctl, tiny_catalogue, canary, no_process):
    recipe, out = tiny_catalogue / "recipe.yaml", tiny_catalogue / "m"
    recipe.write_text(
        "uses: adapt/run\ndata: {interactions: interactions.csv}\n"
        "model: {method: id, dim: 8}\ntrain: {epochs: 2, batch_size: 16}\n"
    )
    read = recipes.read(str(recipe))
    config = recipes.resolve(AdaptConfig, read)
    with pytest.raises(RunError), runs.start(config, out, resume=False, force=False) as run:
        run.save_checkpoint({})
        raise RunError("stopped")
    torch.save(Payload(canary), run.checkpoint)
    ran = mirctl("adapt", "run", recipe, "--out", out, "--resume")
    assert (ran.code, "the checkpoint is damaged" in ran.err) == (4, True), ran.err


def wheel(tmp_path, monkeypatch, members, change=lambda raw: raw):
    """A wheel that pip would bring for `pip:evil`."""
    path = tmp_path / "evil-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if callable(content):
                with archive.open(name, "w") as file:
                    content(file)
            else:
                archive.writestr(name, content)
    path.write_bytes(change(path.read_bytes()))
    monkeypatch.setattr(
        wheels, "pip_download", lambda _, folder: shutil.copy(path, folder / path.name)
    )


def zeros(file):
    for _ in range(80):
        file.write(bytes(1 << 20))


def marked(place, value):
    """Other bytes at one place of every entry of a zip's directory."""

    def change(raw):
        for found in re.finditer(rb"PK\x01\x02", raw):
            start = found.start() + place
            raw = raw[:start] + value + raw[start + len(value) :]
        return raw

    return change


GOOD = {"x/config.json": '{"model_type": "bert"}', "x/model.safetensors": b"x" * 99}
WHEELS = {
    "a bomb for weights": ({**GOOD, "x/model.safetensors": zeros}, None, "would unpack to"),
    "a bomb for metadata": ({**GOOD, "e-1.dist-info/METADATA": zeros}, None, "would unpack to"),
    "a bomb for a GGUF file": ({"x/a.gguf": zeros}, None, "would unpack to"),
    "no zip": (GOOD, lambda raw: b"no zip" * 50, "cannot be unpacked"),
    "half a zip": (GOOD, lambda raw: raw[: len(raw) // 2], "cannot be unpacked"),
    "a password": (GOOD, marked(8, b"\x01\x00"), "cannot be unpacked"),
    "an unknown packing": (GOOD, marked(10, b"\x63\x00"), "cannot be unpacked"),
    "other bytes than it says": (GOOD, marked(16, b"\xff" * 4), "Bad CRC-32"),
}


@pytest.mark.parametrize("case", WHEELS)
def test_a_wheel_made_to_harm_is_refused(encode, tmp_path, monkeypatch, no_process, case):
    members, change, message = WHEELS[case]
    wheel(tmp_path, monkeypatch, members, change or (lambda raw: raw))
    assert refused(encode("pip:evil"), message)
    assert not any(cache.root().rglob("*.safetensors"))
