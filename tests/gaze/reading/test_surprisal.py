"""Surprisal of words: a written-out loop, any script, any company, long texts, wrong models."""

import math
import shutil

import numpy as np
import pytest
import torch

from gaze.reading import byte_models
from mirctl.errors import MissingError, UsageError
from mirctl.words import Predictor, Text, choose
from mirctl_gaze.reading import surprisal
from mirctl_gaze.reading.tokens import windows

CPU = torch.device("cpu")
TEXTS = [
    "the reader saw",
    "  An unbelievable   word,\n\n\tlonger than others!  ",
    "日本語 in the text 😀😀 naïve e\u0301\u200d",
    "",
    "   ",
    "a\ud800b",
]


@pytest.fixture(scope="module")
def reader(causal):
    return surprisal.source(str(causal)).load(CPU)


def slow(reader, text):
    """Bits of each word: the model's distribution at each token, one by one."""
    known = reader.tokenizer.read.tokenizer
    clean = text.text.encode("utf-8", "replace").decode()
    found = known(clean, add_special_tokens=False, return_offsets_mapping=True)
    bits = [0.0] * len(text)
    read = [known.bos_token_id]
    for token, (start, _) in zip(found["input_ids"], found["offset_mapping"], strict=True):
        with torch.no_grad():
            said = reader.network(torch.tensor([read])).logits[0, -1].double().softmax(-1)
        in_or_before = [n for n, (_, stop) in enumerate(text.spans.tolist()) if start < stop]
        if in_or_before:
            bits[in_or_before[0]] -= math.log2(said[token].item())
        read.append(token)
    return bits


@pytest.mark.parametrize("text", TEXTS)
def test_surprisal_is_what_the_distributions_say(reader, text):
    text = Text.of(text)
    (found,) = reader([text])
    assert found.dtype == np.float32
    assert found.shape == (len(text), 1)
    assert found[:, 0].tolist() == pytest.approx(slow(reader, text), abs=1e-4)


def test_no_company_changes_a_text(reader):
    texts = [Text.of(text) for text in [*TEXTS, *byte_models.TEXTS, "word " * 90]]
    alone = [reader([text])[0] for text in texts]
    for order in (range(len(texts)), reversed(range(len(texts)))):
        order = list(order)
        together = reader([texts[n] for n in order])
        for n, found in zip(order, together, strict=True):
            np.testing.assert_allclose(found, alone[n], rtol=1e-5, atol=1e-5)


def test_surprisals_of_words_add_up_to_that_of_their_text(reader):
    whole = Text("unbelievable  reader", np.array([[0, 20]]))
    letters = Text(whole.text, np.array([[n, n + 1] for n in (*range(12), *range(14, 20))]))
    (one,), (many,) = reader([whole]), reader([letters])
    assert many.sum() == pytest.approx(one.sum(), rel=1e-5)
    assert (many == 0).any()  # letters that a token before brought along


def test_a_token_of_a_long_text_has_half_a_window_before_it(reader):
    letters = "xz" * 60  # no two of them are one token
    text = Text(letters, np.array([[n, n + 1] for n in range(120)]))
    (read,) = reader.tokenizer([text])
    (found,) = reader([text])
    assert len(read.ids) == 120
    for word in (3, 60, 61, 75, 92, 119):
        starts = {window.start for window in windows(120, reader.size, ahead=False)}
        start = min(n for n in starts if n + reader.size > word)
        row = [*reader.before, *read.ids[start : word + 1].tolist()]
        assert len(row) > min(word, reader.size // 2)
        with torch.no_grad():
            said = reader.network(torch.tensor([row[:-1]])).logits[0, -1].log_softmax(-1)
        bits = -said[row[-1]].item() / math.log(2)
        assert found[word, 0] == pytest.approx(bits, abs=1e-4)


def test_without_a_start_mark_a_first_word_has_no_surprisal(llama):
    (found,) = surprisal.source(str(llama)).load(CPU)([Text.of("heat two story toy")])
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[1:]).all()


def test_a_model_that_sees_what_follows_is_refused(tmp_path, words):
    from transformers import BertConfig, BertLMHeadModel

    BertLMHeadModel(BertConfig(
        vocab_size=14, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, is_decoder=False,
    )).save_pretrained(tmp_path)  # fmt: skip
    words(tmp_path, special=True)
    with pytest.raises(UsageError, match="causal language model"):
        surprisal.source(str(tmp_path)).load(CPU)


def test_without_a_model_it_says_what_to_name():
    with pytest.raises(MissingError, match="surprisal:MODEL"):
        choose("surprisal")


def test_a_text_is_read_once(causal):
    first = Predictor(f"surprisal:{causal}", CPU)
    found = first([Text.of(byte_models.TEXTS[0])])
    first.close()
    second = Predictor(f"surprisal:{causal}", CPU)
    assert np.array_equal(second([Text.of(byte_models.TEXTS[0])])[0], found[0])
    assert (first.predicted, second.predicted) == (1, 0)


def test_the_key_is_that_of_the_weights_wherever_they_are(causal, tmp_path):
    other = byte_models.save_causal(tmp_path / "other", seed=1)
    same = shutil.copytree(causal, tmp_path / "same")
    one, again, another = (surprisal.source(str(of)).key for of in (causal, same, other))
    assert one == again != another
