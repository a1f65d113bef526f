import pytest

from mirctl.errors import DataError, UsageError
from mirctl_align.config import TextConfig
from mirctl_align.dialogue import RAW, Message
from mirctl_align.rendering import Template

DIALOGUE = (
    Message("system", "user: be kind "),
    Message("user", " what\n is  it? a 犬だ"),
    Message("assistant", "a thing, 😀 it is"),
)
"""Its contents stand also in marks of templates, have blanks around, and any script."""


def words(rendered):
    return [rendered.text[start:end] for start, end in rendered.spans]


@pytest.fixture
def templated(chat):
    """The template of a tokenizer that says this."""
    from copy import copy

    def make(text):
        tokenizer = copy(chat)
        tokenizer.chat_template = text
        return Template("chat", tokenizer)

    return make


@pytest.mark.parametrize("kind", ["chat", "dialogue", "plain"])
def test_every_word_of_every_message_is_found_in_the_text(chat, kind):
    rendered = Template(kind, chat)(DIALOGUE)
    expected = [word for text in rendered.texts for word in text.words]
    assert words(rendered) == expected
    assert [text.text for text in rendered.texts] == [turn.content for turn in DIALOGUE]


def test_turns_are_marked_as_in_hh_rlhf(chat):
    text = Template("dialogue", chat)((Message("user", "hi"), Message("assistant", "hello"))).text
    assert text == "\n\nHuman: hi\n\nAssistant: hello"


def test_plain_turns_have_a_blank_line_between(chat):
    text = Template("plain", chat)((Message("user", "hi"), Message("assistant", "hello"))).text
    assert text == "hi\n\nhello"


def test_the_chat_template_is_the_tokenizers_own(chat):
    text = Template("chat", chat)((Message("user", "hi\n"), Message("assistant", "user"))).text
    assert text == "<s><|start|>user\nhi<|end|>\n<|start|>assistant\nuser<|end|>\n"


@pytest.mark.parametrize("kind", ["chat", "dialogue", "plain"])
def test_a_raw_text_is_shown_as_it_is(chat, kind):
    assert Template(kind, chat)((Message(RAW, " a\n b "),)).text == " a\n b "


def test_an_empty_message_has_no_words(chat):
    rendered = Template("chat", chat)((Message("user", ""), Message("assistant", "a")))
    assert words(rendered) == ["a"]


def test_answers_to_a_prompt_share_its_words(chat, asked):
    template = Template("dialogue", chat)
    first, second = template(asked("one")), template(asked("two"))
    assert first.texts[0] is second.texts[0]


def test_auto_takes_the_chat_template_where_there_is_one_and_says_so(chat, byte_level, capsys):
    assert Template.of(TextConfig(), chat).kind == "chat"
    assert Template.of(TextConfig(), byte_level).kind == "dialogue"
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "text.template: chat (the tokenizer's own)",
        "text.template: dialogue (the tokenizer has no chat template)",
    ]


def test_chat_needs_a_template(byte_level):
    with pytest.raises(UsageError, match=r"no chat template: set text\.template=dialogue"):
        Template.of(TextConfig(template="chat"), byte_level)


@pytest.mark.parametrize("shown", ["", " | trim", ".rstrip()", ".lstrip()"])
@pytest.mark.parametrize("mark", ["", "|", " "])
def test_blanks_around_a_message_may_be_left_out(templated, shown, mark):
    turns = (Message("user", " one \n"), Message("assistant", "\n two  three "))
    template = "{% for m in messages %}{{ m.content" + shown + " }}" + mark + "{% endfor %}"
    rendered = templated(template)(turns)
    assert words(rendered) == ["one", "two", "three"]
    assert [text.text for text in rendered.texts] == [turn.content for turn in turns]


def test_one_template_writes_dialogues_of_any_roles(chat):
    template = Template("chat", chat)
    for dialogue in (DIALOGUE, DIALOGUE[1:], DIALOGUE):
        rendered = template(dialogue)
        assert words(rendered) == [word for text in rendered.texts for word in text.words]


def test_a_message_that_is_moved_and_changed_is_named(templated):
    moved = templated("{% for m in messages[1:] %}[{{ m.content }}]{% endfor %}"
                      "({{ messages[0].content | upper }})")  # fmt: skip
    with pytest.raises(DataError, match=r"content of message 1 \(system\)"):
        moved(DIALOGUE)


def test_a_template_may_move_the_system_message(templated):
    moved = templated("{% for m in messages[1:] %}[{{ m.content }}]"
                      "{% if loop.first %}({{ messages[0].content }}){% endif %}"
                      "{% endfor %}")  # fmt: skip
    rendered = moved(DIALOGUE)
    assert rendered.texts[1].text == DIALOGUE[0].content
    assert words(rendered) == [word for text in rendered.texts for word in text.words]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ messages[0].content }}{{ messages[2].content }}", r"leaves out message 2 \(user\)"),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", "repeats message 1"),
        ("{% for m in messages %}[{{ m.content | upper }}]{% endfor %}", "content of message 1"),
        ("{% for m in messages %}[{{ m.content.split(',')[0] }}]{% endfor %}",
         r"changes the content of message 3 \(assistant\): set text.template=dialogue"),
        ("{% for m in messages %}{{ m.content }}{% if loop.last and m.content[9:] %}!{% endif %}"
         "{% endfor %}", r"changes the content of message 3 \(assistant\)"),
        ("{{ messages[0].nothing.at_all }}", "the chat template fails: .*nothing"),
        ("{{ raise_exception('no system') }}", "no system; set text.template=dialogue"),
        ("{% for m in", "the chat template fails"),
    ],
)  # fmt: skip
def test_a_template_that_fails_is_told_with_the_place(templated, template, told):
    with pytest.raises(DataError, match=told) as failed:
        templated(template)(DIALOGUE, "a.jsonl, row 7")
    assert failed.value.where == "a.jsonl, row 7"
