"""Servers in trouble: what passes is tried again, what does not is told, nothing done is lost."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import BaseModel

from llm_server import Say
from mirctl import llm
from mirctl.errors import MissingError, UsageError
from mirctl.llm import LlmConfig
from mirctl.llm.pace import retry_after


class Idea(BaseModel):
    title: str


def connect(server, **settings):
    return llm.connect(LlmConfig(model=server.url, **settings))


def first(*says):
    """The first answers are these, all others plain."""
    return lambda request, n: says[n] if n < len(says) else Say()


def said(request):
    return request["messages"][-1]["content"]


def test_no_prompts_have_no_answers(serve):
    server = serve()
    assert connect(server).ask([]) == []
    assert not server.asked


def test_answers_come_in_the_order_of_the_prompts(serve):
    server = serve(lambda request, n: Say(f"to {said(request)}", delay=0.02 * (n % 3)))
    answers = connect(server).ask([f"p{n}" for n in range(20)])
    assert [answer.text for answer in answers] == [f"to p{n}" for n in range(20)]


def test_settings_are_sent(serve):
    server = serve()
    prompt = llm.Prompt((llm.Message("system", "be short"), llm.Message("user", "hi")), draw=2)
    connect(server, temperature=0.7, top_p=0.9, max_tokens=9, seed=5).ask([prompt])
    assert server.asked == [
        {"model": "tiny", "temperature": 0.7, "top_p": 0.9, "max_tokens": 9, "seed": 7,
         "messages": [{"role": "system", "content": "be short"},
                      {"role": "user", "content": "hi"}]}
    ]  # fmt: skip


TROUBLES = {
    "a drop": Say(drop=True),
    "500": Say("out of memory", status=500),
    "503 with a time": Say("busy", status=503, headers={"Retry-After": "0"}),
    "429": Say("slow down", status=429),
    "408": Say("late", status=408),
    "half of an answer": Say(raw=b'{"choices": [{"mess'),
    "a page": Say(raw=b"<html>gateway</html>"),
    "no choices": Say(raw=b'{"choices": []}'),
    "no object": Say(raw=b"[1]"),
    "no message": Say(raw=b'{"choices": [{"message": "hello"}]}'),
    "silence": Say(delay=0.6),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_may_pass_is_tried_again(serve, trouble):
    server = serve(first(TROUBLES[trouble]))
    model = connect(server, timeout=0.4, at_once=1)
    answers = model.ask(["a", "b"])
    assert [answer.text for answer in answers] == ["hello", "hello"]
    assert len(server.asked) == 3
    assert model.facts()["retried"] == 1


def test_a_busy_server_says_when_and_nobody_asks_before(serve):
    server = serve(first(*[Say("busy", status=429, headers={"Retry-After": "1"})] * 4))
    start = time.monotonic()
    answers = connect(server, at_once=4).ask(list("abcd"))
    assert time.monotonic() - start > 1
    assert all(answer.text == "hello" for answer in answers)
    assert len(server.asked) == 8


def test_both_forms_of_the_time_to_wait_are_read():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_after(soon) <= 30
    assert retry_after(" 2.5 ") == 2.5
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [retry_after(told) for told in ("", "-1", "²", "soon", "9" * 99)] == [None] * 5


def test_a_server_that_is_busy_for_hours_is_not_waited_for(serve):
    server = serve(lambda r, n: Say("busy", status=429, headers={"Retry-After": "7200"}))
    with pytest.raises(MissingError, match="busy for 2 h"):
        connect(server).ask(["a"])


def test_one_failure_is_told_and_the_rest_is_kept(serve, capsys):
    server = serve(lambda r, n: Say("no", status=500) if said(r) == "bad" else Say())
    model = connect(server, tries=2)
    answers = model.ask(["a", "bad", *map(str, range(10))])
    assert [answer.problem is None for answer in answers] == [True, False] + [True] * 10
    assert "500: no" in answers[1].problem.told
    assert model.facts()["failed"] == {"server": 1}
    assert "1 of 12 prompts unanswered: 1 x server" in capsys.readouterr().err


def test_a_prompt_that_is_refused_is_not_tried_again(serve):
    server = serve(first(Say("prompt is too long", status=400)))
    answers = connect(server, at_once=1).ask(["long", "b"])
    assert answers[0].problem.kind == "prompt"
    assert "too long" in answers[0].problem.told
    assert answers[1].text == "hello"
    assert len(server.asked) == 2


@pytest.mark.parametrize(("status", "told"), [(401, "key_variable"), (404, "#MODEL")])
def test_what_no_prompt_gets_past_ends_at_once(serve, status, told):
    server = serve(lambda r, n: Say("no", status=status))
    with pytest.raises(MissingError, match=told):
        connect(server).ask([f"p{n}" for n in range(100)])
    assert len(server.asked) <= 8


def test_a_redirect_is_not_followed(serve):
    server = serve(lambda r, n: Say("x", status=307, headers={"Location": "http://else/where"}))
    with pytest.raises(MissingError, match="http://else/where"):
        connect(server).ask(["a"])


def test_a_server_that_dies_midway_costs_what_it_did_not_answer(serve):
    server = serve(lambda r, n: Say() if n < 20 else Say(drop=True))
    model = connect(server, tries=2, at_once=2)
    answers = model.ask([f"p{n}" for n in range(100)])
    good = [answer for answer in answers if answer.problem is None]
    assert len(good) == 20
    assert len(server.asked) < 40  # it was given up
    assert all("broke off" in answer.problem.told for answer in answers if answer.problem)


def test_nobody_there_is_told_soon(serve):
    server = serve()
    server.stop()
    start = time.monotonic()
    with pytest.raises(MissingError, match="cannot be reached"):
        connect(server).ask(["a"] * 50)
    assert time.monotonic() - start < 2


def test_no_more_than_so_many_are_in_flight(serve):
    server = serve(lambda r, n: Say(delay=0.02))
    connect(server, at_once=3).ask([f"p{n}" for n in range(12)])
    assert server.most == 3


def test_requests_keep_to_a_rate(serve):
    server = serve()
    start = time.monotonic()
    connect(server, per_minute=1200).ask([f"p{n}" for n in range(11)])
    assert time.monotonic() - start >= 0.5


def test_an_endless_answer_is_not_read_to_its_end(serve, monkeypatch):
    from mirctl.llm import endpoint as module

    monkeypatch.setattr(module, "LARGEST", 1000)
    server = serve(lambda r, n: Say("x" * 5000))
    with pytest.raises(MissingError, match="longer than"):
        connect(server, tries=1).ask(["a", "b"])


def test_the_one_model_of_a_server_need_not_be_named(serve):
    server = serve()
    address = server.url.partition("#")[0]
    assert llm.connect(address).ask(["a"])[0].text == "hello"
    assert server.asked[0]["model"] == "tiny"
    server.models = ["small", "large"]
    with pytest.raises(UsageError, match="small, large"):
        llm.connect(address)
    server.models_status = 401
    with pytest.raises(MissingError, match="key_variable"):
        llm.connect(address)


def test_a_server_that_knows_no_schema_is_asked_without(serve, capsys):
    def script(request, n):
        if "response_format" in request:
            return Say("response_format is not supported", status=400)
        return Say('{"title": "Cat"}')

    server = serve(script)
    answers = connect(server, at_once=2).ask([f"p{n}" for n in range(6)], Idea)
    assert [answer.value.title for answer in answers] == ["Cat"] * 6
    assert len(server.asked) <= 8
    assert capsys.readouterr().err.count("takes no schema") == 1


def test_a_server_that_wants_the_new_name_of_a_setting_gets_it(serve):
    def script(request, n):
        told = "use 'max_completion_tokens' instead"
        return Say(told, status=400) if "max_tokens" in request else Say()

    server = serve(script)
    assert connect(server, max_tokens=7).ask(["a"])[0].text == "hello"
    assert server.asked[-1]["max_completion_tokens"] == 7


def test_tokens_that_nobody_counts_are_estimated(serve):
    server = serve(lambda r, n: Say("four words of text", usage=False))
    model = connect(server)
    model.ask(["and four more words"])
    facts = model.facts()
    assert (facts["prompt_tokens"], facts["answer_tokens"], facts["estimated"]) == (7, 6, 1)


def test_the_content_may_come_in_parts(serve):
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    server = serve(lambda r, n: Say(message={"content": parts}))
    assert connect(server).ask(["a"])[0].text == "hello"
