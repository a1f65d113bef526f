"""The lexical network: what it reads, and that a text is read alone whatever stands beside it."""

import numpy as np
import pytest
import torch

from mirctl.words import Text
from mirctl_gaze.reading.config import LexicalConfig
from mirctl_gaze.reading.features import COUNT, Features
from mirctl_gaze.reading.saving import Stored

TEXTS = [
    Text.of(text)
    for text in ("The cat sat on the mat.", "Yes", "", "A rather long text, of many more words!")
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    config = LexicalConfig(width=8, members=2)
    return Stored(
        measures=("TRT", "FFD"), language="en", model=config, vocabulary=("cat", "the")
    ).build().eval()  # fmt: skip


def test_a_text_is_read_alike_alone_and_among_others(network):
    network.highest.fill_(1e9)
    network.lowest.fill_(-1e9)
    together = network.measure(TEXTS)
    for text, found in zip(TEXTS, together):
        (alone,) = network.measure([text])
        np.testing.assert_allclose(found, alone, atol=1e-6)
        assert found.shape == (len(text), 2)
    for found, other in zip(together, reversed(network.measure(TEXTS[::-1]))):
        np.testing.assert_allclose(found, other, atol=1e-6)


def test_many_batches_are_one(network, monkeypatch):
    network.highest.fill_(1e9)
    network.lowest.fill_(-1e9)
    together = network.measure(TEXTS * 5)
    monkeypatch.setattr("mirctl_gaze.reading.network.BATCH_WORDS", 7)
    for one, other in zip(together, network.measure(TEXTS * 5)):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_word_is_read_with_two_neighbours_on_either_side_and_no_more(network):
    network.highest.fill_(1e9)
    network.lowest.fill_(-1e9)
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    (before,) = network.measure([Text.joined(words)])
    (after,) = network.measure([Text.joined([*words[:3], "FOUR!", *words[4:]])])
    changed = np.abs(before - after).max(1) > 1e-6
    assert changed.tolist() == [False, True, True, True, True, True, False]


def test_what_training_never_saw_vary_changes_nothing(network):
    network.highest.fill_(1e9)
    network.lowest.fill_(-1e9)
    network.network.standardise(network.network.inputs([Text.of("the old cat runs far away")]))
    first, other = (network.measure([Text.of(f"cat {word} the")])[0] for word in ("xqzk4", "xqzkv"))
    np.testing.assert_allclose(first, other, atol=1e-4)


def test_a_word_of_any_length_leaves_its_neighbours_alone(network):
    network.highest.fill_(1e9)
    network.lowest.fill_(-1e9)
    network.network.standardise(network.network.inputs(TEXTS[:2]))
    long, longer = (network.measure([Text.of(f"the {n * 'x'} cat")])[0] for n in (300, 3000))
    np.testing.assert_allclose(long, longer, atol=1e-5)


def test_predictions_stay_where_training_data_were(network):
    network.scale(np.array([[100.0, 10.0], [300.0, np.nan], [200.0, 20.0]]))
    for spread in (1e6, -1e6):
        network.spread.fill_(spread)
        found = np.concatenate(network.measure(TEXTS))
        assert (found >= [100, 10]).all()
        assert (found <= [300, 20]).all()
    assert network.centre.tolist() == [200, 15]


def test_a_missing_measure_is_not_learned(network):
    inputs = network.network.inputs(TEXTS[:1])
    values = torch.ones(6, 2)
    values[2, 1] = np.nan
    loss = network.loss(inputs, values)
    values[2, 1] = 1.0
    whole = network.network(inputs)
    errors = (whole - (values - network.centre) / network.spread).abs()
    errors[:, 2, 1] = 0
    assert loss.item() == pytest.approx(errors.sum().item() / 11 / 2)


def test_training_forgets_a_fifth_of_the_known_words_and_prediction_none(network):
    inputs = network.network.inputs([Text.of("cat " * 2000)])
    seen = []
    for member in network.network.members:
        member.embed.register_forward_pre_hook(lambda _, at: seen.append(at[0] > 0))
    for mode in (network.train, network.eval):
        mode()
        network.network(inputs)
    shares = [known[0, :2000].float().mean().item() for known in seen]
    assert shares == pytest.approx([0.8, 0.8, 1, 1], abs=0.05)
    assert torch.equal(seen[0], seen[1])


def test_features_are_standardised(network):
    inputs = network.network.inputs([text for text in TEXTS if len(text)])
    network.network.standardise(inputs)
    features = np.concatenate([own for own, _ in inputs])
    scaled = (features - network.network.centre.numpy()) / network.network.spread.numpy()
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    varies = np.ptp(features, 0) > 0
    np.testing.assert_allclose(scaled.std(0), varies, atol=1e-4)


def test_features_tell_form_frequency_and_place():
    features, numbers = Features("en", ["cat"])(["(Cat's", "cat,", "NATO", "x-ray?", "—", "1984"])
    assert features.shape == (6, COUNT)
    assert numbers.tolist() == [0, 1, 0, 0, 0, 0]
    length, inner, common, capital, capitals, digit, opening = features[:, [0, 1, 3, 7, 8, 9, 10]].T
    assert length.tolist() == [6, 4, 4, 6, 1, 4]
    assert inner.tolist() == [5, 3, 4, 5, 0, 4]
    assert capital.tolist() == [1, 0, 1, 0, 0, 0]
    assert capitals.tolist() == [0, 0, 1, 0, 0, 0]
    assert digit.tolist() == [0, 0, 0, 0, 0, 1]
    assert opening.tolist() == [1, 0, 0, 0, 0, 0]
    assert common[1] == pytest.approx(4.8, abs=0.3)
    assert features[3, 11] == 1
    assert features[1, 12] == 1
    assert features[:, -2].tolist() == [1, 0, 0, 0, 0, 0]
    assert features[:, -1].tolist() == [0, 0, 0, 0, 0, 1]
