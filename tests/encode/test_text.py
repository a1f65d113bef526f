import json
import shutil

import pytest
import torch

from mirctl.encode import EncoderSettings, choose, load_encoder
from mirctl.errors import MissingError, UsageError

CPU, FP32 = torch.device("cpu"), torch.float32
TEXTS = ["toy story", "heat", "golden eye one two three four", "jumanji", "one two three"]


def load(folder, **settings):
    return load_encoder(EncoderSettings(model=str(folder), **settings), CPU, FP32)


def by_hand(folder, text):
    """Every hidden state (1, tokens, width) of one text, as transformers gives them."""
    from transformers import AutoModel, AutoTokenizer

    inputs = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.no_grad():
        return AutoModel.from_pretrained(folder)(**inputs, output_hidden_states=True).hidden_states


@pytest.fixture(params=["bert", "llama"])
def folder(request):
    return request.getfixturevalue(request.param)


def test_every_layer_is_named_and_measured(bert, llama):
    assert load(bert).layers == ("embeddings", "1", "2")
    assert load(bert).widths == (16, 16, 16)
    assert load(llama).widths == (8, 8, 8, 8)


def test_the_size_is_that_of_the_weights(folder):
    from safetensors.torch import load_file

    weights = load_file(f"{folder}/model.safetensors")
    read = [tensor for name, tensor in weights.items() if not name.startswith("lm_head")]
    assert load(folder).parameters == sum(tensor.numel() for tensor in read)


@pytest.mark.parametrize(("pool", "pick"), [("mean", None), ("cls", 0), ("last", -1)])
def test_pooling_equals_the_formula(folder, pool, pick):
    got = load(folder, pool=pool).encode(TEXTS)
    for n, text in enumerate(TEXTS):
        states = by_hand(folder, text)
        rows = [s[0].mean(0) if pick is None else s[0, pick] for s in states]
        torch.testing.assert_close(got[n], torch.cat(rows), atol=1e-5, rtol=1e-4)


def test_auto_is_the_mean(folder):
    assert torch.equal(load(folder).encode(TEXTS), load(folder, pool="mean").encode(TEXTS))


def test_a_text_does_not_depend_on_its_batch(folder):
    encoder = load(folder, batch_size=5)
    alone = torch.cat([encoder.encode([text]) for text in TEXTS])
    torch.testing.assert_close(encoder.encode(TEXTS), alone, atol=1e-5, rtol=1e-4)


def test_encoding_twice_gives_the_same_bits(folder):
    assert torch.equal(load(folder).encode(TEXTS), load(folder).encode(TEXTS))


def test_the_bits_do_not_depend_on_the_number_of_threads(folder):
    threads = torch.get_num_threads()
    encoder, got = load(folder, batch_size=2), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            got.append(encoder.encode(TEXTS))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(got[0], got[1])
    assert torch.equal(got[0], got[2])


def test_chosen_layers_are_those_of_all(bert):
    some = load(bert, layers=(0, 2)).encode(TEXTS)
    every = load(bert).encode(TEXTS)
    assert torch.equal(some, torch.cat([every[:, :16], every[:, 32:]], 1))


def test_a_layer_that_does_not_exist_is_named_with_the_range(bert):
    with pytest.raises(UsageError, match=r"layer 9 .* 0 to 2"):
        load(bert, layers=(1, 9))


def test_more_tokens_than_the_model_reads_are_refused(bert):
    with pytest.raises(UsageError, match="at most 64"):
        load(bert, max_tokens=100)


def test_a_long_text_counts_up_to_max_tokens(bert):
    encoder = load(bert, max_tokens=8)
    long = "toy story " * 10_000
    assert torch.equal(encoder.encode([long]), encoder.encode(["toy story " * 3]))


@pytest.mark.parametrize("text", ["\x00", "\ud800 toy", "ﷺ🎬", "Матрица", "\u200b"])
def test_any_script_is_encoded(folder, text):
    assert load(folder).encode([text]).isfinite().all()


def test_no_texts_give_no_rows(bert):
    assert load(bert).encode([]).shape == (0, 48)


def test_weights_that_lack_tensors_are_refused(bert, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(bert, tmp_path / "holey")
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(MissingError, match=r"lack 1 tensor,.*layer\.1\.output"):
        load(folder)


def test_the_code_of_a_folder_is_never_run(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "hostile")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModel": "own.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(MissingError):
        load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_missing_tokenizer_is_said(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bare")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(MissingError, match="no tokenizer"):
        load(folder)


def test_loading_writes_nothing_to_the_terminal(llama, capfd):
    load(llama)
    assert capfd.readouterr() == ("", "")


def test_the_key_follows_every_setting_and_the_weights(bert, llama):
    def key(folder, dtype=FP32, **settings):
        return choose(EncoderSettings(model=str(folder), **settings), dtype).key

    keys = [
        key(bert),
        key(llama),
        key(bert, pool="cls"),
        key(bert, layers=(0,)),
        key(bert, max_tokens=8),
        key(bert, dtype=torch.bfloat16),
    ]
    assert len(set(keys)) == len(keys)
    assert key(bert, batch_size=2) == key(bert)


def test_the_key_is_that_of_a_copy_elsewhere(bert, tmp_path):
    copy = shutil.copytree(bert, tmp_path / "copy")
    keys = {choose(EncoderSettings(model=str(folder)), FP32).key for folder in (bert, copy)}
    assert len(keys) == 1


def test_more_tokens_than_a_model_has_positions_are_refused(bert, tmp_path):
    """A tokenizer need not know how long a text its model can read."""
    folder = shutil.copytree(bert, tmp_path / "model")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("model_max_length", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(UsageError, match="is too many"):
        load_encoder(EncoderSettings(model=str(folder), max_tokens=10**6), CPU, FP32)


def test_tokens_that_the_weights_do_not_know_are_the_model_s_fault(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "other")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["heat"] = 99
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = load(folder)
    assert encoder.encode(["toy story"]).shape == (1, 48)
    with pytest.raises(MissingError, match=r"other.*gives token 99, and its weights know 14"):
        encoder.encode(["toy heat"])


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["[]", "null", "[" * 100_000], ids=["list", "null", "deep"])
def test_damaged_files_of_a_model_are_told(bert, tmp_path, file, damage):
    folder = shutil.copytree(bert, tmp_path / "bert")
    (folder / file).write_text(damage)
    with pytest.raises(MissingError, match=r"model '.*bert'"):
        load(folder)


def test_a_model_with_fewer_positions_than_it_says_is_told(tmp_path, words):
    from transformers import RobertaConfig, RobertaModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    # RoBERTa counts from the padding token's id on, and so has two positions fewer.
    config = RobertaConfig(vocab_size=14, max_position_embeddings=34, pad_token_id=1, **sizes)
    RobertaModel(config).save_pretrained(tmp_path)
    words(tmp_path, special=True)
    with pytest.raises(UsageError, match="max_tokens 34 is too many"):
        load(tmp_path, max_tokens=34).encode(["toy " * 50])
