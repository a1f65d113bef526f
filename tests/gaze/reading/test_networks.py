"""et1 and et2: what they read, that no company changes a text, and that they learn."""

import numpy as np
import pytest
import torch

from gaze.reading import byte_models
from mirctl.words import Text
from mirctl_gaze.reading import architectures, base
from mirctl_gaze.reading.config import Et1Config, Et2Config, ReadingTrain
from mirctl_gaze.reading.data import Reading
from mirctl_gaze.reading.tokens import windows
from mirctl_gaze.reading.training import ReadingTask

CPU = torch.device("cpu")
TEXTS = [
    *map(Text.of, byte_models.TEXTS),
    Text.of("  日本 e\u0301 😀😀!\n\tnaïve "),
    Text.of("a"),
    Text.of("unbelievable " * 40),
    Text("", np.zeros((0, 2), np.int64)),
]


def network(arch, folder, measures=2):
    config = {"et1": Et1Config, "et2": Et2Config}[arch](arch=arch, base=str(folder))
    torch.manual_seed(3)
    model = architectures.build(config, "en", (), measures, base.read(str(folder)))
    model.lowest.fill_(-1e9)
    model.highest.fill_(1e9)
    return model.eval()


@pytest.fixture(scope="module", params=["et1", "et2"])
def model(request, roberta):
    return network(request.param, roberta)


def test_no_company_changes_a_text(model):
    alone = [model.measure([text])[0] for text in TEXTS]
    assert [len(found) for found in alone] == [len(text) for text in TEXTS]
    assert np.concatenate(alone).std() > 0.01
    for order in (range(len(TEXTS)), list(reversed(range(len(TEXTS))))):
        together = model.measure([TEXTS[n] for n in order])
        for n, found in zip(order, together, strict=True):
            np.testing.assert_allclose(found, alone[n], atol=1e-5)


def test_et2_reads_the_first_token_of_each_word(roberta):
    model = network("et2", roberta)
    text = TEXTS[1]
    start = base.read(str(roberta))
    found = start.tokenizer(" " + text.text, return_offsets_mapping=True)
    with torch.no_grad():
        states = start.network(torch.tensor([found["input_ids"]])).last_hidden_state[0]
        read = model.network.decoder(states) + 1  # centre and spread of a new network are 1
    covers = [
        [n for n, (a, b) in enumerate(found["offset_mapping"]) if a - 1 < end and b - 1 > begin]
        for begin, end in text.spans.tolist()
    ]
    assert any(len(those) > 2 for those in covers)
    (made,) = model.measure([text])
    first = read[[those[0] for those in covers]].numpy()
    last = read[[those[-1] for those in covers]].numpy()
    np.testing.assert_allclose(made, first, atol=1e-5)
    assert np.abs(made - last).max() > 0.01


def test_et2_reads_long_texts_in_windows(roberta):
    model = network("et2", roberta)
    long = TEXTS[4]
    tokens = model.network.tokenizer([long])[0]
    assert len(tokens.ids) > 3 * model.network.size
    made = model.measure([long])[0]
    size, ids = model.network.size, tokens.ids
    for word in (0, 17, 39):
        first = int(tokens.alignment.token[tokens.alignment.word == word][0])
        told = next(w for w in windows(len(ids), size, ahead=True) if w.first <= first < w.last)
        row = [0, *ids[told.start : told.stop].tolist(), 2]
        with torch.no_grad():
            state = model.network.base(torch.tensor([row])).last_hidden_state[0]
            wanted = model.network.decoder(state[first - told.start + 1]) + 1
        np.testing.assert_allclose(made[word], wanted, atol=1e-5)


def test_et1_is_the_network_that_its_authors_describe(roberta):
    model = network("et1", roberta, measures=1)
    text, own = TEXTS[0], model.network
    start = base.read(str(roberta))
    found = start.tokenizer(text.text, return_offsets_mapping=True)
    table = start.network.get_input_embeddings().weight
    with torch.no_grad():
        states, _ = own.lstm(table[found["input_ids"]][None])
        hidden = torch.relu(states[0] @ own.head[0].weight.T + own.head[0].bias)
        values = hidden @ own.head[2].weight.T + own.head[2].bias
    wanted = [
        np.mean([values[n, 0].item() for n, (a, b) in enumerate(found["offset_mapping"])
                 if a < end and b > begin])
        for begin, end in text.spans.tolist()
    ]  # fmt: skip
    np.testing.assert_allclose(model.measure([text])[0][:, 0], np.array(wanted) + 1, atol=1e-5)


def test_et1_does_not_move_the_embeddings(roberta):
    model = network("et1", roberta)
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert names
    assert not any("emb" in name for name in names)


def test_words_without_a_token_are_at_the_centre(model, bert):
    text = Text("toy\t\tstory", np.array([[0, 3], [3, 4], [5, 10]]))  # a tabulator as a word
    own = network("et1" if model.network.padded is False else "et2", bert)
    made = own.measure([text])[0]
    assert np.array_equal(made[1], [1, 1])
    assert (made[[0, 2]] != 1).all()


@pytest.mark.parametrize(("arch", "epochs"), [("et1", 8), ("et2", 16)])
def test_they_learn_what_decides_how_words_are_read(arch, epochs, roberta):
    rng = np.random.default_rng(0)
    known = ["the", "reader", "unbelievable", "saw", "anticonstitutional", "one", "again"]
    texts = [Text.joined(rng.choice(known, rng.integers(2, 9)).tolist()) for _ in range(60)]
    values = [np.array([[len(word), 2.0] for word in text.words], np.float32) for text in texts]
    model = network(arch, roberta)
    model.scale(np.concatenate(values))
    reading = Reading(("TRT", "FFD"), texts[:50], values[:50])
    task = ReadingTask(
        model, reading, model.network.inputs(texts[:50]), ReadingTrain(batch_size=10), 0, CPU
    )
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    model.train()
    for epoch in range(epochs):
        for step in range(task.steps(epoch)):
            optimizer.zero_grad()
            task.loss(task.batch(epoch, step)).backward()
            optimizer.step()
    model.eval()
    made, real = np.concatenate(model.measure(texts[50:])), np.concatenate(values[50:])
    median = np.abs(np.median(real, axis=0) - real)[:, 0].mean()
    assert np.abs(made - real)[:, 0].mean() < 0.5 * median


def test_texts_of_like_length_share_a_batch_and_each_comes_once(roberta):
    rng = np.random.default_rng(1)
    texts = [Text.joined(["word"] * rng.integers(1, 60)) for _ in range(103)]
    values = [np.full((len(text), 1), n, np.float32) for n, text in enumerate(texts)]
    model = network("et2", roberta, measures=1)
    inputs = list(range(len(texts)))
    task = ReadingTask(
        model, Reading(("TRT",), texts, values), inputs, ReadingTrain(batch_size=8), 5, CPU
    )
    batches = [task.batch(2, step)[0] for step in range(task.steps(2))]
    assert sorted(n for batch in batches for n in batch) == inputs
    spans = [np.ptp([len(texts[n]) for n in batch]) for batch in batches]
    assert np.mean(spans) < 15 < np.ptp([len(text) for text in texts])
    assert [task.batch(2, step)[0] for step in range(2)] == batches[:2]
    assert task.batch(3, 0)[0] != batches[0]


def test_what_knows_nothing_yet_learns_faster(roberta):
    texts = [Text.of("the reader")]
    model = network("et2", roberta, measures=1)
    reading = Reading(("TRT",), texts, [np.ones((2, 1), np.float32)])
    task = ReadingTask(model, reading, model.network.inputs(texts), ReadingTrain(lr=0.5), 0, CPU)
    assert task.rates == {"network.decoder": 5.0}
    fresh = [name for name, _ in model.named_parameters() if not name.startswith("network.base.")]
    assert fresh
    assert all(name.startswith("network.decoder.") for name in fresh)
