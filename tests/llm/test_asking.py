"""What is asked once is not asked again, what does not fit is, and a budget ends it."""

import json
import re

import pytest
from pydantic import BaseModel, Field

from llm_server import Say
from mirctl import llm
from mirctl.llm import LlmConfig

KEY = "sk-secret-0123456789"


class Idea(BaseModel):
    title: str = Field(max_length=20)


def connect(server, **settings):
    return llm.connect(LlmConfig(model=server.url, **settings))


def test_a_second_run_asks_nothing(serve):
    server = serve(lambda r, n: Say(f"answer {n}"))
    prompts = [f"p{n}" for n in range(30)]
    first = connect(server).ask(prompts)
    model = connect(server)
    second = model.ask(prompts)
    assert [answer.text for answer in second] == [answer.text for answer in first]
    assert all(answer.cached for answer in second)
    assert len(server.asked) == 30
    assert (model.facts()["requests"], model.facts()["cached"]) == (0, 30)


def test_the_same_prompt_is_asked_once(serve):
    server = serve(lambda r, n: Say(f"answer {n}"))
    answers = connect(server).ask(["a", "a", "a"])
    assert {answer.text for answer in answers} == {"answer 0"}
    assert len(server.asked) == 1


def test_whatever_changes_an_answer_makes_it_another_question(serve):
    server = serve()
    prompt = llm.Prompt.of("a")
    connect(server).ask([prompt])
    connect(server).ask([llm.Prompt(prompt.messages, version="2")])
    connect(server).ask([llm.Prompt(prompt.messages, draw=1)])
    connect(server).ask([prompt], Idea)
    for settings in ({"temperature": 1.0}, {"top_p": 0.5}, {"max_tokens": 3}, {"seed": 1}):
        connect(server, **settings).ask([prompt])
    other = LlmConfig(model=server.url.replace("#tiny", "#large"))
    llm.connect(other).ask([prompt])
    assert len(server.asked) == 12  # "hello" fits no schema: it was asked for four times


def test_limits_are_no_part_of_the_question(serve):
    server = serve()
    connect(server).ask(["a"])
    connect(server, at_once=1, timeout=5, tries=1, budget_requests=9).ask(["a"])
    assert len(server.asked) == 1


def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason(serve):
    says = ["no JSON", '{"name": "Cat"}', '{"title": "Cat"}']
    server = serve(lambda r, n: Say(says[n]))
    model = connect(server)
    [answer] = model.ask(["an idea"], Idea)
    assert answer.value == Idea(title="Cat")
    assert (answer.turns, model.facts()["reasked"]) == (3, 2)
    talk = server.asked[2]["messages"]
    assert [turn["role"] for turn in talk] == ["user", "assistant", "user", "assistant", "user"]
    assert talk[3]["content"] == '{"name": "Cat"}'
    assert "title: Field required" in talk[4]["content"]
    sent = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert sent == Idea.model_json_schema() | {"additionalProperties": False}


def test_after_three_more_times_it_is_a_counted_failure(serve):
    server = serve(lambda r, n: Say("no"))
    model = connect(server)
    [answer] = model.ask(["an idea"], Idea)
    assert (answer.problem.kind, answer.value, answer.turns) == ("schema", None, 4)
    assert len(server.asked) == 4
    assert model.facts()["failed"] == {"schema": 1}
    assert connect(server).ask(["an idea"], Idea)[0].problem.kind == "schema"
    assert len(server.asked) == 4


def test_a_half_is_asked_for_again_and_not_taken(serve):
    says = [Say('{"title": "The cat that coo', finish="length"), Say('{"title": "Cat"}')]
    server = serve(lambda r, n: says[n])
    [answer] = connect(server).ask(["an idea"], Idea)
    assert answer.value.title == "Cat"
    assert "shorter" in server.asked[1]["messages"][-1]["content"]


def test_a_whole_object_before_the_cut_is_taken(serve):
    server = serve(lambda r, n: Say('{"title": "Cat"}\nThis is because', finish="length"))
    assert connect(server).ask(["an idea"], Idea)[0].value.title == "Cat"


@pytest.mark.parametrize(
    "say",
    [Say("", message={"refusal": "I will not."}), Say("", finish="content_filter")],
    ids=["refusal", "filter"],
)
def test_a_refusal_is_not_asked_again(serve, say):
    server = serve(lambda r, n: say)
    [answer] = connect(server).ask(["an idea"], Idea)
    assert answer.problem.kind == "refusal"
    assert len(server.asked) == 1


def test_nothing_is_no_answer(serve):
    server = serve(lambda r, n: Say(None))
    assert connect(server).ask(["a"])[0].problem.kind == "empty"


def test_thoughts_are_not_part_of_an_answer(serve):
    server = serve(lambda r, n: Say("<think>hm, {</think>\n\nCat"))
    assert connect(server).ask(["a"])[0].text == "Cat"


def test_a_budget_of_requests_is_kept_to(serve):
    server = serve()
    model = connect(server, budget_requests=5)
    answers = model.ask([f"p{n}" for n in range(20)])
    assert len(server.asked) == 5
    assert sum(answer.problem is None for answer in answers) == 5
    assert model.facts()["failed"] == {"budget": 15}
    again = connect(server, budget_requests=5).ask([f"p{n}" for n in range(20)])
    assert sum(answer.problem is None for answer in again) == 10  # the first five are kept


def test_a_budget_of_tokens_is_never_passed(serve):
    server = serve(lambda r, n: Say(delay=0.01))
    model = connect(server, budget_tokens=200, max_tokens=5)
    answers = model.ask([f"prompt number {n:025}" for n in range(40)])
    facts = model.facts()
    assert 185 < facts["prompt_tokens"] + facts["answer_tokens"] <= 200
    assert len(server.asked) == sum(answer.problem is None for answer in answers)


def test_a_key_is_sent_and_stands_nowhere_else(serve, monkeypatch, capfd, mirctl_cache):
    monkeypatch.setenv("MY_KEY", KEY)
    echo = f"Incorrect API key provided: {KEY}"
    server = serve(lambda r, n: Say(echo, status=400 if n else 200))
    model = connect(server, key_variable="MY_KEY", at_once=1)
    answers = model.ask(["a", "b"])
    assert server.keys == [f"Bearer {KEY}"] * 2
    told = (
        repr(answers) + json.dumps(model.facts()) + repr(model.config) + "".join(capfd.readouterr())
    )
    assert KEY not in told
    assert "***" in told
    stored = [path.read_bytes() for path in mirctl_cache.rglob("*") if path.is_file()]
    assert stored
    assert not any(KEY.encode() in content for content in stored)


def test_a_key_that_is_not_there_is_told(serve, monkeypatch):
    from mirctl.errors import MissingError

    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(MissingError, match="MY_KEY is not set"):
        connect(serve(), key_variable="MY_KEY")


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "http://me:secret@host/v1#m"},
        {"model": "https://host/v1?key=secret#m"},
        {"model": "http:///v1"},
        {"model": "http://host:99999/v1"},
        {"model": "http://[::1/v1"},
        {"model": "m", "key_variable": "sk-live-1234"},
        {"model": "m", "temperature": -1},
        {"model": "m", "top_p": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError) as error:
        LlmConfig(**settings)
    assert not {"secret", "sk-live-1234"} & set(re.findall(r"[\w-]+", str(error.value)))


def test_what_was_answered_before_an_interruption_is_kept(serve):
    server = serve()
    model = connect(server, at_once=1)
    add, seen = model.kept.add, []

    def interrupted(results):
        add(results)
        seen.append(results)
        if len(seen) == 5:
            raise KeyboardInterrupt

    model.kept.add = interrupted
    with pytest.raises(KeyboardInterrupt):
        model.ask([f"p{n}" for n in range(20)])
    model = connect(server)
    assert sum(answer.cached for answer in model.ask([f"p{n}" for n in range(20)])) >= 5


def test_a_prompt_of_any_text_arrives_as_it_is(serve):
    server = serve()
    texts = ["", '"}] \\ {"a"', "猫 🐈 \u202e", "x" * 100_000]
    connect(server).ask(texts)
    assert {asked["messages"][0]["content"] for asked in server.asked} == set(texts)
    assert connect(server).ask(["\ud800"])[0].text == "hello"
