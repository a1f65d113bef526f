"""et1 and et2 with weights from a file: names of others' state dicts, and what is refused."""

import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from mirctl.errors import MissingError
from mirctl.words import Text, choose
from mirctl_gaze.reading import base

CPU = torch.device("cpu")
TEXT = Text.of("the unbelievable reader, again 😀")


class Authors1(nn.Module):
    """ET1 as published, by its names of weights."""

    def __init__(self, table):
        super().__init__()
        self.emb = nn.Embedding.from_pretrained(table)
        width = table.shape[1]
        self.lstm = nn.LSTM(width, 128, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, ids):
        return self.head(self.lstm(self.emb(ids))[0]).squeeze(-1)


@pytest.fixture
def folder(roberta, tmp_path):
    """Config and tokenizer without weights."""
    shutil.copytree(roberta, tmp_path / "published")
    os.remove(tmp_path / "published/model.safetensors")
    return tmp_path / "published"


@pytest.fixture
def et1(folder, roberta):
    torch.manual_seed(1)
    model = Authors1(base.read(str(roberta)).network.get_input_embeddings().weight.detach() * 9)
    torch.save(model.state_dict(), folder / "T5-tokenizer-BiLSTM-TRT-12-concat-3")
    return model


@pytest.fixture
def et2(folder, roberta):
    """ET2's encoder and layer, in a state dict as older versions of libraries wrote it."""
    torch.manual_seed(2)
    network, layer = base.read(str(roberta)).network, nn.Linear(16, 5)
    state = {f"roberta.{name}": weight for name, weight in network.state_dict().items()}
    state["roberta.embeddings.position_ids"] = torch.arange(64)[None]
    state["roberta.pooler.dense.weight"] = torch.zeros(16, 16)
    torch.save(state | {f"decoder.{n}": w for n, w in layer.state_dict().items()},
               folder / "model.pth")  # fmt: skip
    return network, layer


def offsets(start, text):
    found = start.tokenizer(text, return_offsets_mapping=True)
    return torch.tensor([found["input_ids"]]), found["offset_mapping"]


def test_et1_loads_the_state_dict_of_its_authors(et1, folder):
    found = choose(f"et1:{folder}").source
    assert found.measures == ("TRT",)
    ids, places = offsets(base.beside(folder), TEXT.text)
    with torch.no_grad():
        values = et1(ids)[0].numpy()
    wanted = [np.mean([values[n] for n, (a, b) in enumerate(places) if a < end and b > begin])
              for begin, end in TEXT.spans.tolist()]  # fmt: skip
    (made,) = found.load(CPU)([TEXT])
    np.testing.assert_allclose(made[:, 0], np.maximum(wanted, 0), atol=1e-5)


@pytest.mark.parametrize("inside", ["decoder.", "decoder.0."])
def test_et2_loads_the_state_dict_of_its_authors(et2, folder, inside):
    state = torch.load(folder / "model.pth", weights_only=True)
    renamed = {name.replace("decoder.", inside): tensor for name, tensor in state.items()}
    torch.save(renamed, folder / "other")
    found = choose(f"et2:{folder / 'other'}").source
    assert found.measures == ("nFix", "FFD", "GPT", "TRT", "fixProp")
    network, layer = et2
    ids, places = offsets(base.beside(folder), " " + TEXT.text)
    with torch.no_grad():
        values = layer(network(ids).last_hidden_state[0]).numpy()
    first = [next(n for n, (a, b) in enumerate(places) if a - 1 < end and b - 1 > begin)
             for begin, end in TEXT.spans.tolist()]  # fmt: skip
    (made,) = found.load(CPU)([TEXT])
    assert (values[first] < 0).any()
    np.testing.assert_allclose(made, np.maximum(values[first], 0), atol=1e-5)


@pytest.mark.parametrize("name", ["et1", "et2"])
def test_without_weights_it_says_what_to_do(name, mirctl, tmp_path):
    (tmp_path / "texts.csv").write_text("text\none two\n")
    ran = mirctl("gaze", "predict", name, tmp_path / "texts.csv")
    assert ran.code == 5
    assert not ran.out
    assert f"{name} needs weights: write {name}:FILE" in ran.err
    assert "--arch" in ran.err


def test_a_folder_without_weights_is_refused(folder):
    with pytest.raises(MissingError, match=r"no file of weights: .*model\.pth"):
        choose(f"et2:{folder}")
    with pytest.raises(MissingError, match="no such file or folder"):
        choose(f"et2:{folder}/absent")


def test_weights_without_a_config_are_refused(et2, folder):
    (folder / "config.json").unlink()
    with pytest.raises(MissingError, match=r"no config\.json: put that of FacebookAI/roberta-base"):
        choose(f"et2:{folder}")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("decoder.bias"), "decoder.bias is missing"),
        (lambda state: state.update(more=torch.ones(1)), "more has no place in et2"),
        (lambda state: state.update({"decoder.bias": torch.ones(4)}), r"is \[4\]"),
        (lambda state: state["decoder.bias"].fill_(torch.nan), "no finite number"),
    ],
)
def test_weights_that_do_not_fit_are_refused(et2, folder, change, told):
    state = torch.load(folder / "model.pth", weights_only=True)
    change(state)
    torch.save(state, folder / "model.pth")
    with pytest.raises(MissingError, match=told):
        choose(f"et2:{folder}").source.load(CPU)


class Runs:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    "content", [pickle.dumps(Runs(), 2), b"", b"no pickle", pickle.dumps([1], 2)]
)
def test_no_code_of_a_file_is_run(folder, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / "model.pth").write_bytes(content)
    with pytest.raises(MissingError, match="no state dict"):
        choose(f"et2:{folder}").source.load(CPU)
    assert not (tmp_path / "ran").exists()


def test_other_weights_and_other_tokenizers_have_other_predictions(et2, folder):
    keys = [choose(f"et2:{folder}").key]
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    keys.append(choose(f"et2:{folder}").key)
    state = torch.load(folder / "model.pth", weights_only=True)
    torch.save(state | {"decoder.bias": torch.ones(5)}, folder / "model.pth")
    keys.append(choose(f"et2:{folder}").key)
    assert len(set(keys)) == 3
