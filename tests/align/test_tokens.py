from copy import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mirctl.errors import DataError, MissingError, UsageError
from mirctl_align.config import TextConfig
from mirctl_align.dialogue import RAW, Message
from mirctl_align.rendering import Template
from mirctl_align.tokens import Tokens

LONG = (
    Message("user", "toy story: what  is heat? 犬だ é\n"),
    Message("assistant", "golden eye, jumanji 😀 one two three four"),
)


@pytest.fixture(params=["word_level", "byte_level", "chat"])
def tokenizer(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def tokens(model):
    """Tokens by what recipes say."""

    def make(tokenizer, longest=10_000, vocabulary=None, **text):
        config = TextConfig(length=10_000, **text)
        template = Template.of(config, tokenizer)
        return Tokens(tokenizer, model, template, config, longest, vocabulary=vocabulary)

    return make


def raw(text):
    return (Message(RAW, text),)


def covered(encoded, tokenizer):
    """The tokens of each word, decoded."""
    pairs = encoded.alignment
    return [tokenizer.decode(encoded.ids[pairs.token[pairs.word == n]]) for n in range(pairs.words)]


def test_the_tokens_of_a_word_spell_it(byte_level, chat, tokens):
    for tokenizer in (byte_level, chat):
        (encoded,) = tokens(tokenizer)([LONG])
        words = [word for text in encoded.texts for word in text.words]
        assert [own.strip() for own in covered(encoded, tokenizer)] == words


def test_every_word_has_tokens_and_special_tokens_have_no_word(tokenizer, tokens):
    (encoded,) = tokens(tokenizer)([LONG])
    assert set(encoded.alignment.word) == set(range(encoded.alignment.words))
    assert encoded.alignment.tokens == len(encoded.ids)
    specials = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    assert not np.isin(encoded.ids, [*specials])[encoded.alignment.token].any()


def test_special_tokens_stand_as_the_tokenizer_puts_them(word_level, byte_level, tokens):
    for tokenizer in (word_level, byte_level):
        made = tokens(tokenizer)
        (encoded,) = made([LONG])
        assert encoded.ids.tolist() == tokenizer(made.template(LONG).text).input_ids
        assert encoded.ids.dtype == np.int64


def test_no_second_bos_where_the_template_writes_one(chat, tokens):
    made = tokens(chat)
    shown, bare = made([LONG, raw("golden eye")])
    text = made.template(LONG).text
    assert chat(text).input_ids[:2] == [0, 0]
    assert shown.ids.tolist() == chat(text, add_special_tokens=False).input_ids
    assert (shown.ids == 0).sum() == 1
    assert bare.ids.tolist() == chat("golden eye").input_ids


def test_a_bos_of_the_template_alone_stays(chat, tokens):
    made = tokens(chat)
    made.before = []  # as of a tokenizer that puts none itself
    (encoded,) = made([LONG])
    text = made.template(LONG).text
    assert encoded.ids.tolist() == chat(text, add_special_tokens=False).input_ids


def test_marks_that_have_no_name_are_not_set_twice(byte_level, tokens):
    nameless = copy(byte_level)
    nameless.bos_token = nameless.eos_token = None
    (bare,) = tokens(nameless)([raw("toy")])
    (marked,) = tokens(nameless)([raw("<s>toy</s>")])
    assert marked.ids.tolist() == bare.ids.tolist() == byte_level("toy").input_ids


def test_line_ends_behind_a_text_are_text(byte_level, tokens):
    (encoded,) = tokens(byte_level)([raw("toy story\n\n")])
    assert encoded.ids.tolist() == byte_level("toy story\n\n").input_ids


def test_an_end_is_set_where_the_tokenizer_sets_none(byte_level, chat, model):
    for tokenizer, last in ((byte_level, 2), (chat, 5)):
        template = Template("plain", tokenizer)
        made = Tokens(tokenizer, model, template, TextConfig(), 100, end=5)
        assert made([raw("toy")])[0].ids.tolist().count(last) == 1
        assert made([raw("toy")])[0].ids[-1] == last


@pytest.mark.parametrize("longest", [6, 9, 20])
@pytest.mark.parametrize("side", ["left", "right"])
def test_truncation_keeps_the_ends_and_loses_one_side(tokenizer, tokens, side, longest):
    (whole,) = tokens(tokenizer)([LONG])
    (short,) = tokens(tokenizer, longest, too_long=side)([LONG])
    assert len(short.ids) == min(longest, len(whole.ids))
    assert short.cut == len(whole.ids) - len(short.ids)
    tail = {"[SEP]": 1, "</s>": 1}.get(tokenizer.decode(whole.ids[-1:]), 2)  # or <|end|>, \n
    body = len(short.ids) - 1 - tail
    start = 1 + short.cut if side == "left" else 1
    kept = [0, *range(start, start + body), *range(len(whole.ids) - tail, len(whole.ids))]
    assert short.ids.tolist() == whole.ids[kept].tolist()
    pairs = {(word, kept.index(token)) for word, token in zip(whole.alignment.word,
             whole.alignment.token) if token in kept}  # fmt: skip
    assert set(zip(short.alignment.word, short.alignment.token)) == pairs
    assert short.alignment.words == whole.alignment.words
    assert short.texts == whole.texts


def test_too_long_ones_are_left_out_where_that_is_asked_for(byte_level, tokens):
    short, long = raw("one"), raw("one " * 50)
    found = tokens(byte_level, 20, too_long="drop")([long, short])
    assert found[0] is None
    assert found[1].cut == 0


@pytest.mark.parametrize("side", ["left", "right"])
def test_as_many_tokens_are_kept_as_leave_room_for_their_words(byte_level, model, side):
    text, config = raw("golden eyebrows, 犬だ é😀 one  twenty-three "), TextConfig(too_long=side)

    def cut(room, prefix):
        template = Template("plain", byte_level)
        return Tokens(byte_level, model, template, config, room, prefix=prefix)([text])[0]

    def taken(own):
        begins = np.diff(own.alignment.word, prepend=-1) > 0
        return len(own.ids) + len(set(own.alignment.token[begins]))

    most = len(cut(10_000, False).ids)
    candidates = [cut(room, False) for room in range(3, most + 1)]
    for room in range(4, taken(candidates[-1]) + 2):
        fitting = [own for own in candidates if taken(own) <= room]
        assert cut(room, True).ids.tolist() == fitting[-1].ids.tolist()


def test_one_token_too_many_is_too_long(byte_level, tokens):
    (whole,) = tokens(byte_level)([LONG])
    length = len(whole.ids)
    for longest, kept in ((length, True), (length - 1, False)):
        (found,) = tokens(byte_level, longest, too_long="drop")([LONG])
        assert (found is not None) == kept


def test_the_recipe_and_the_model_both_limit_the_length(byte_level, model):
    template = Template("plain", byte_level)
    for length, longest in ((8, 100), (100, 8)):
        made = Tokens(byte_level, model, template, TextConfig(length=length), longest)
        assert len(made([LONG])[0].ids) == 8


def test_many_dialogues_are_the_same_as_one_at_a_time(byte_level, tokens):
    made = tokens(byte_level, 12)
    many = [raw("word " * (n % 7 + 1)) for n in range(2100)]
    found = made(many)
    for n in (0, 1023, 1024, 2098):
        np.testing.assert_array_equal(found[n].ids, made(many[n : n + 1])[0].ids)


def test_truncation_and_padding_stored_with_a_tokenizer_are_not_used(byte_level, tokens):
    byte_level.backend_tokenizer.enable_truncation(4)
    byte_level.backend_tokenizer.enable_padding(length=9)
    found = tokens(byte_level)([raw("abc"), raw("abc def ghi jkl")])
    assert [len(one.ids) for one in found] == [5, 17]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=4))
def test_any_script_keeps_its_words(byte_level, chat, tokens, contents):
    dialogue = [Message("user", content) for content in contents[:-1]]
    dialogue.append(Message("assistant", contents[-1]))
    for tokenizer in (byte_level, chat):
        (encoded,) = tokens(tokenizer)([tuple(dialogue)])
        words = [word for text in encoded.texts for word in text.words]
        spelled = covered(encoded, tokenizer)
        assert all(word in own for word, own in zip(words, spelled, strict=True))


def test_half_characters_do_not_move_words(byte_level, tokens):
    (encoded,) = tokens(byte_level)([raw("a \ud83d b")])
    assert [own.strip() for own in covered(encoded, byte_level)] == ["a", "?", "b"]


def test_a_text_without_tokens_is_told_with_its_place(word_level, tokens):
    with pytest.raises(DataError, match="finds no tokens") as failed:
        tokens(word_level)([raw("toy"), raw(" \n ")], ["row 1", "row 2"])
    assert failed.value.where == "row 2"


def test_the_place_of_a_text_is_told_however_many_stand_before(word_level, tokens):
    many = [*[raw("toy")] * 1030, raw(" ")]
    with pytest.raises(DataError, match="finds no tokens") as failed:
        tokens(word_level)(many, [f"row {n}" for n in range(len(many))])
    assert failed.value.where == "row 1030"


def test_a_template_that_refuses_a_role_is_told_with_the_place(chat, tokens):
    dialogue = (Message("tool", "4"), Message("assistant", "four"))
    with pytest.raises(DataError, match="no tools") as failed:
        tokens(chat)([LONG, dialogue], ["row 1", "row 2"])
    assert failed.value.where == "row 2"


def test_tokens_that_the_weights_do_not_know_are_refused(byte_level, tokens):
    with pytest.raises(MissingError, match="its tokenizer gives token"):
        tokens(byte_level, vocabulary=5)([raw("a")])


def test_a_length_without_room_for_text_is_refused(byte_level, tokens):
    with pytest.raises(UsageError, match="2 tokens have no room"):
        tokens(byte_level, 2)([raw("a")])


def test_a_tokenizer_without_places_is_refused(model):
    class Slow:
        is_fast = False

    with pytest.raises(MissingError, match=r"tokenizer\.json"):
        Tokens(Slow(), model, None, TextConfig(), 10)


def test_a_long_text_brings_no_warning(word_level, tokens, capfd):
    tokens(word_level)([raw("toy " * 500)])
    assert "longer than" not in capfd.readouterr().err


def test_no_dialogues_have_no_tokens(byte_level, tokens):
    assert tokens(byte_level)([]) == []


@pytest.mark.parametrize("inject", ["none", "concat"])
def test_tokens_know_of_a_models_prefix_and_weights(llama, inject):
    from mirctl_align import base
    from mirctl_align.config import GazeConfig, ModelConfig

    start = base.start(str(llama))
    known = start.network.get_input_embeddings().num_embeddings
    model = start.reward_model(ModelConfig(base=str(llama)), GazeConfig(inject=inject), 1)
    tokens = Tokens.of(TextConfig(template="plain"), start, model)
    assert (tokens.prefix, tokens.read.vocabulary) == (inject == "concat", known)
    assert tokens.room == model.room(0, 0)


def test_a_decoder_reads_its_end_token_last_and_once(llama, tmp_path, asked):
    from mirctl_align import base
    from mirctl_align.config import GazeConfig, ModelConfig

    start = base.start(str(llama))
    start.tokenizer.add_special_tokens({"eos_token": "four"})
    model = start.reward_model(ModelConfig(base=str(llama)), GazeConfig(), 0)
    tokens = Tokens.of(TextConfig(template="plain", length=8), start, model)
    end = start.tokenizer.eos_token_id
    plain, ended, cut = tokens([asked("toy story"), asked("toy four"), asked("heat " * 20)])
    assert [own.ids.tolist().count(end) for own in (plain, ended, cut)] == [1, 1, 1]
    assert {own.ids[-1] for own in (plain, ended, cut)} == {end}
    assert len(cut.ids) == 8
