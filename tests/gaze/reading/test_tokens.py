"""Windows, batches, and the words that tokens belong to."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mirctl import hub
from mirctl.encode import pretrained
from mirctl.errors import MissingError
from mirctl.words import Text
from mirctl_gaze.reading import tokens
from mirctl_gaze.reading.tokens import Tokenizer


@given(st.integers(0, 500), st.integers(1, 60), st.booleans())
def test_windows_tell_of_each_token_once_and_far_from_their_edges(count, size, ahead):
    found = tokens.windows(count, size, ahead=ahead)
    told = [n for window in found for n in range(window.first, window.last)]
    assert told == list(range(count))
    for window in found:
        assert window.start <= window.first
        assert window.last <= window.stop <= count
        assert window.stop - window.start == min(size, count)
        if window.start and window.first < window.last:
            before = window.first - window.start
            assert before >= (size // 4 if ahead else size // 2)
        if ahead and window.stop < count:
            assert window.stop - window.last >= size // 4


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200))
def test_batches_hold_every_row_once_and_no_more_than_asked(lengths, most):
    found = list(tokens.batches(lengths, most))
    assert sorted(n for some in found for n in some) == list(range(len(lengths)))
    for some in found:
        assert len(some) == 1 or len(some) * max(lengths[n] for n in some) <= most


@pytest.fixture(scope="module")
def tokenizer(roberta):
    model = hub.resolve(str(roberta))
    return Tokenizer(model, pretrained.tokenizer_of(model), 300, blank=True)


@pytest.mark.parametrize(
    "text", ["the reader", " the reader", "日本 e\u0301 😀!", "\u3000a\u00a0b", "a\ud800b c"]
)
def test_tokens_belong_to_the_words_whose_characters_they_cover(tokenizer, text):
    text = Text.of(text)
    (read,) = tokenizer([text])
    shift = 0 if text.text[:1].isspace() else 1
    clean = " " * shift + text.text.encode("utf-8", "replace").decode()
    offsets = tokenizer.read.tokenizer(clean, add_special_tokens=False, return_offsets_mapping=True)
    wanted = [
        (n, token)
        for token, (a, b) in enumerate(offsets["offset_mapping"])
        for n, (start, end) in enumerate(text.spans.tolist())
        if any(start <= place - shift < end for place in range(a, b))
    ]
    found = zip(read.alignment.word.tolist(), read.alignment.token.tolist(), strict=True)
    assert list(found) == wanted
    assert set(read.alignment.word.tolist()) == set(range(len(text)))


def test_the_first_word_has_a_blank_before_it_as_all_others(tokenizer):
    one, two = tokenizer([Text.of("reader"), Text.of("the reader")])
    word = two.ids[two.alignment.token[two.alignment.word == 1]]
    assert np.array_equal(one.ids, word)


def test_marks_stand_around_a_text(tokenizer):
    assert (tokenizer.before, tokenizer.behind) == ([0], [2])


def test_a_tokenizer_of_another_model_is_refused(roberta):
    model = hub.resolve(str(roberta))
    small = Tokenizer(model, pretrained.tokenizer_of(model), 20)
    with pytest.raises(MissingError, match="not of one model"):
        small([Text.of("the reader")])


def test_roberta_counts_its_places_from_behind_the_padding(roberta):
    model = hub.resolve(str(roberta))
    own = pretrained.tokenizer_of(model)
    own.model_max_length = 10**6
    network = pretrained.backbone(model, torch.device("cpu"), torch.float32)
    most = tokens.longest(network, own, 10**6)
    assert most == 64 - 2
    network(input_ids=torch.full((1, most), 5))
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        network(input_ids=torch.full((1, most + 1), 5))
