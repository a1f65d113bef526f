"""A local model: the same answer whatever it is batched with, loaded once, held to a schema."""

import json
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from mirctl import llm
from mirctl.errors import MissingError, UsageError
from mirctl.llm import LlmConfig
from mirctl.testing.models import save_gpt2, save_writer

PROMPTS = ["a", "the cat that cooks", "猫 🐈", "x" * 200, '{"title": "no']
CHAT = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
)


class Liking(BaseModel):
    liked: Literal["yes", "no"]
    marks: list[Literal[1, 2, 3]] = Field(max_length=3)


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return save_writer(tmp_path_factory.mktemp("writer"))


def ask(folder, prompts, schema=None, **settings):
    config = LlmConfig(model=str(folder), **{"max_tokens": 12, **settings})
    return llm.connect(config, device="cpu").ask(prompts, schema)


def by_hand(folder, text, count):
    """Greedy decoding without padding, cache or batch."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(text)["input_ids"]
    new = []
    with torch.no_grad():
        while len(new) < count and 0 not in new:
            logits = network(torch.tensor([[*ids, *new]])).logits[0, -1]
            new.append(int(logits.argmax()))
    return tokenizer.decode([n for n in new if n]).strip()


def test_it_is_what_decoding_by_hand_gives(writer):
    for prompt, answer in zip(PROMPTS, ask(writer, PROMPTS)):
        assert answer.text == by_hand(writer, prompt, 12)


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.0}, {"temperature": 2.0, "top_p": 0.8}])
def test_an_answer_does_not_depend_on_the_prompts_beside_it(writer, mirctl_cache, settings):
    together = ask(writer, PROMPTS, **settings)
    (mirctl_cache / "answers").rename(mirctl_cache / "elsewhere")
    alone = [ask(writer, [prompt], **settings)[0] for prompt in reversed(PROMPTS)][::-1]
    assert [answer.text for answer in alone] == [answer.text for answer in together]
    assert not any(answer.cached for answer in alone)


def test_learned_positions_count_from_the_first_real_token(tmp_path):
    folder = save_gpt2(tmp_path)
    prompts = ["toy story heat", "one"]
    together = ask(folder, prompts, max_tokens=5)
    (alone,) = ask(folder, prompts[1:], max_tokens=5, seed=1)
    assert alone.text == together[1].text


def test_draws_differ_by_seed_and_by_number_and_come_again(writer):
    prompt = llm.Prompt.of("a film").messages
    draws = [llm.Prompt(prompt, draw=n) for n in range(4)]
    first = [answer.text for answer in ask(writer, draws, temperature=1.0)]
    assert len(set(first)) == 4
    assert [a.text for a in ask(writer, draws, temperature=1.0, seed=1)][:3] == first[1:]
    again = ask(writer, draws, temperature=1.0, at_once=2)
    assert [answer.text for answer in again] == first


def test_tokens_are_drawn_as_often_as_they_are_likely():
    import torch

    from mirctl.llm.drawing import Draws
    from mirctl.llm.prompts import Prompt, Request

    requests = [Request(Prompt.of("a"), seed) for seed in range(4000)]
    scores = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()[[3, 0, 2, 1]].expand(4000, 4)

    def shares(temperature, top_p):
        drawn = Draws(requests, temperature, top_p)(None, scores).argmax(1)
        return torch.bincount(drawn, minlength=4)[[1, 3, 2, 0]] / 4000

    close = {"atol": 0.03, "rtol": 0}
    torch.testing.assert_close(shares(1.0, 1.0), torch.tensor([0.5, 0.3, 0.15, 0.05]), **close)
    torch.testing.assert_close(shares(1.0, 0.6), torch.tensor([0.625, 0.375, 0, 0]), **close)
    torch.testing.assert_close(shares(1.0, 0.4), torch.tensor([1.0, 0, 0, 0]), **close)
    cold = torch.tensor([0.5, 0.3, 0.15, 0.05]) ** 2
    torch.testing.assert_close(shares(0.5, 1.0), cold / cold.sum(), **close)


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.5}])
def test_answers_are_held_to_a_schema(writer, settings):
    answers = ask(writer, PROMPTS, Liking, max_tokens=200, **settings)
    for answer in answers:
        assert answer.problem is None
        assert answer.turns == 1
        assert Liking.model_validate(json.loads(answer.text)) == answer.value


def test_an_object_that_was_cut_off_is_a_counted_failure(writer):
    [answer] = ask(writer, ["a"], Liking, max_tokens=3)
    assert (answer.problem.kind, answer.turns, answer.value) == ("cut", 4, None)


def test_weights_are_read_once_and_not_for_what_is_known(writer, monkeypatch):
    from mirctl.llm import writer as module

    made = []

    class Counted(module.Writer):
        def __init__(self, *of):
            made.append(of)
            super().__init__(*of)

    monkeypatch.setattr(module, "Writer", Counted)
    model = llm.connect(LlmConfig(model=str(writer), max_tokens=3), device="cpu")
    assert not made
    model.ask(["a"])
    model.ask(["b"])
    assert len(made) == 1
    again = llm.connect(LlmConfig(model=str(writer), max_tokens=3), device="cpu")
    assert again.ask(["a", "b"])[1].cached
    assert len(made) == 1


def test_a_prompt_that_is_too_long_is_told_and_the_rest_answered(writer):
    answers = ask(writer, ["a", "x" * 5000, "", "b"])
    assert [answer.problem and answer.problem.kind for answer in answers][1:3] == ["prompt"] * 2
    assert "5,000 tokens" in answers[1].problem.told
    assert answers[0].problem is None
    assert answers[3].problem is None


def test_a_budget_ends_a_local_model_too(writer):
    config = LlmConfig(model=str(writer), max_tokens=10, budget_tokens=60, at_once=2)
    model = llm.connect(config, device="cpu")
    answers = model.ask([f"prompt {n}" for n in range(9)])
    facts = model.facts()
    assert 40 < facts["prompt_tokens"] + facts["answer_tokens"] <= 60
    assert facts["requests"] == sum(answer.problem is None for answer in answers)


def test_a_batch_that_does_not_fit_is_halved(writer, monkeypatch):
    import torch

    model = llm.connect(LlmConfig(model=str(writer), max_tokens=3), device="cpu")
    write, sizes = model.backend.writer.write, []

    def narrow(rows, requests, config):
        sizes.append(len(rows))
        if len(rows) > 2 or len(rows[0]) > 50:
            raise torch.OutOfMemoryError
        return write(rows, requests, config)

    monkeypatch.setattr(model.backend.writer, "write", narrow)
    answers = model.ask(["a", "b", "c", "d", "x" * 99])
    assert [answer.problem is None for answer in answers] == [True] * 4 + [False]
    assert "memory of cpu" in answers[4].problem.told
    assert sizes == [5, 2, 1, 1, 3, 1, 2]
    assert model.facts()["requests"] == 5


def test_the_chat_template_is_used_and_the_system_told_where_it_takes_none(tmp_path):
    folder = save_writer(tmp_path)
    (folder / "chat_template.jinja").write_text(CHAT)
    model = llm.connect(LlmConfig(model=str(folder), max_tokens=4), device="cpu")
    turns = (llm.Message("system", "be short"), llm.Message("user", "hi"))
    from mirctl.llm.prompts import Request

    tokens = model.backend.writer.tokens(Request(llm.Prompt(turns), 0))
    text = model.backend.writer.tokenizer.decode(tokens)
    assert text == "<user>be short\n\nhi<assistant>"


def test_a_schema_that_cannot_be_held_to_is_told(writer):
    class Odd(BaseModel):
        mark: str = Field(json_schema_extra={"pattern": "^(?=a)b$"})

    with pytest.raises(UsageError, match="schema"):
        ask(writer, ["a"], Odd)


def test_what_is_no_language_model_is_told(bert, tmp_path):
    with pytest.raises(MissingError):
        ask(tmp_path, ["a"])
    with pytest.raises((MissingError, UsageError)):
        ask(bert, ["a"])


def test_what_is_not_installed_is_told(writer, monkeypatch, serve):
    from mirctl.llm import drawing, endpoint, reading

    for module in (drawing, endpoint):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[llm\]'"):
        ask(writer, ["a"], Liking)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[llm\]'"):
        llm.connect(serve().url)
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"pip install 'mirctl\[llm\]'"):
        ask(writer, ["a"], Liking)
