"""Attention of words against maps that the models give themselves."""

import weakref

import numpy as np
import pytest
import torch

from gaze.attention import networks
from mirctl.errors import MissingError, RunError
from mirctl.words.text import Text
from mirctl_gaze.attention import models
from mirctl_gaze.attention.models import AttentionModel, Unreadable

TEXT = Text.of("The cat, née 猫, saw 🐈 twice")


def model(kind, *, heads=False, special=True):
    return AttentionModel(networks.network(kind), networks.tokenizer(special), kind, heads=heads)


def by_words(text, offsets, values):
    """(words, ...): the sum over the tokens that share a character with each word."""
    sums = []
    for start, end in text.spans:
        inside = [max(a, start) < min(b, end) for a, b in offsets]
        sums.append(values[np.array(inside)].sum(0))
    return np.array(sums)


@pytest.mark.parametrize("kind", networks.CONFIGS)
def test_scores_are_those_of_the_maps_that_a_model_gives(kind):
    ids, offsets = model(kind)._tokens(TEXT.text)
    whole = networks.maps(networks.network(kind), ids)
    read = model(kind, heads=True)
    found = read.read(TEXT)
    layers, heads, tokens, _ = whole.shape
    text = offsets[:, 1] > offsets[:, 0]
    seen = networks.visible(kind, layers, tokens)
    parts = {None: whole.mean(1), **{head + 1: whole[:, head] for head in range(heads)}}
    wanted = {head: networks.scores(part, text, seen) for head, part in parts.items()}
    assert len(read.columns) == layers * (4 + 3 * heads)
    for place, (score, layer, head) in enumerate(read.columns):
        tokens_values = wanted[head][score][layer - 1]
        by_hand = by_words(TEXT, offsets, tokens_values)
        np.testing.assert_allclose(found[:, place], by_hand, rtol=1e-4, atol=1e-6)


def test_no_map_lives_on_when_the_next_one_is_made(monkeypatch):
    living, most = [], []
    add = models.Scores.add

    def watched(self, weights):
        base = weights if weights._base is None else weights._base
        living.append(weakref.ref(base))
        most.append(sum(one() is not None for one in living))
        add(self, weights)

    monkeypatch.setattr(models.Scores, "add", watched)
    for kind in ("bert", "llama", "t5"):
        model(kind).read(TEXT)
    assert most == [1] * 9


@pytest.mark.parametrize("special", [True, False])
def test_shares_of_words_and_of_special_tokens_sum_to_one(special):
    read = model("bert", special=special)
    found = read.read(Text.of("nothing-between-these-letters"))
    received = [n for n, column in enumerate(read.columns) if column.score == "received"]
    if special:
        assert (found[:, received] < 1).all()
    else:
        np.testing.assert_allclose(found[:, received], 1, rtol=1e-5)


def test_each_text_is_read_alone():
    read = model("llama")
    first = read.read(TEXT)
    read.read(Text.of("Another, much longer text in between"))
    np.testing.assert_array_equal(read.read(TEXT), first)


def test_a_word_between_blanks_that_no_token_covers_has_no_attention():
    spans = np.array([[0, 3], [3, 4], [4, 7]])
    text = Text("The cat", spans)
    short = networks.tokenizer()
    read = AttentionModel(networks.network("bert"), short, "bert")
    tokens = read._tokens

    def without_blanks(of):
        ids, offsets = tokens(of)
        offsets[(offsets == [3, 4]).all(1)] = 0
        return ids, offsets

    read._tokens = without_blanks
    missing = np.isnan(read.read(text)).all(1)
    assert missing.tolist() == [False, True, False]


def test_half_of_an_emoji_is_read_as_something():
    found = model("gpt2", special=False).read(Text.of("a \ud83d b"))
    assert not np.isnan(found).any()


@pytest.mark.parametrize(
    ("kind", "length"), [("bert", 94), ("roberta", 93), ("gpt2", 94), ("mpnet", 92)]
)
def test_a_text_is_read_up_to_the_last_position_and_never_cut(kind, length):
    read = model(kind)
    assert read.most == length + 2
    assert not np.isnan(read.read(Text.of("x" * length))).any()
    with pytest.raises(Unreadable, match=f"{length + 3} tokens are too many: it reads"):
        read.read(Text.of("x" * (length + 1)))
    with pytest.raises(Unreadable, match="100,000 characters are too many"):
        read.read(Text.of("x" * 100_000))


def test_positions_that_a_model_keeps_to_itself_are_a_limit_too():
    read = model("gpt2", special=False)
    read.most = None
    with pytest.raises(Unreadable, match="200 tokens are too many"):
        read.read(Text.of("x" * 200))


def test_a_model_without_positions_reads_any_length():
    read = model("t5")
    assert read.most is None
    assert not np.isnan(read.read(Text.of("long " * 50))).any()


def test_a_text_without_tokens_is_told():
    with pytest.raises(Unreadable, match="no token"):
        model("bert").read(Text("", np.zeros((0, 2), np.int64)))


class Odd(torch.nn.Module):
    """Gives something beside its states that is no map of attention."""

    device = torch.device("cpu")
    config = networks.CONFIGS["bert"]

    def __init__(self, beside):
        super().__init__()
        self.beside = beside

    def forward(self, input_ids, attention_mask, output_attentions):
        return input_ids, self.beside(input_ids.shape[1])


@pytest.mark.parametrize(
    "beside",
    [
        lambda n: torch.full((1, 2, n, 4), 0.25),
        lambda n: torch.full((2, 2, n, n), 1 / n),
        lambda n: torch.zeros(1, 2, n, n),
        lambda n: torch.eye(n).expand(1, 2, n, n) * 2,
        lambda n: torch.eye(n).expand(1, 2, n, n) - 1e-3,
        lambda n: None,
        lambda n: None + n,
    ],
)
def test_a_model_that_shows_no_map_is_refused(beside):
    with pytest.raises(MissingError, match="shows no attention from each token to each"):
        AttentionModel(Odd(beside), networks.tokenizer(), "odd").read(TEXT)


def test_a_tokenizer_of_another_model_is_refused():
    read = model("bert")
    read.vocabulary = 50
    with pytest.raises(MissingError, match="its weights know 50"):
        read.read(TEXT)


def test_a_layer_that_overflows_is_told():
    read = model("bert")
    read.read(TEXT)
    with torch.no_grad():
        read.network.encoder.layer[1].attention.self.query.bias.fill_(float("inf"))
    with pytest.raises(RunError, match="precision fp32"):
        read.read(TEXT)
