"""Files of pairs, and tokenizers of three kinds."""

import json

import pytest

from mirctl.hub import Model
from mirctl_align.dialogue import Message

TEXTS = ["the reader saw a long answer and liked the short one", "what is it? Human: Assistant: no"]
CHAT = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    "<|start|>{{ m.role }}\n{{ m.content | trim }}<|end|>\n{% endfor %}"
)
"""Writes its own <s>, and strips what it shows."""


@pytest.fixture
def lines(tmp_path):
    """Writes rows as JSONL, and gives the file."""

    def write(*rows):
        file = tmp_path / "pairs.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    return write


@pytest.fixture
def asked():
    """A prompt and an answer as messages."""

    def make(answer, question="what is it?"):
        return Message("user", question), Message("assistant", answer)

    return make


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Where the tokenizers are said to come from."""
    folder = tmp_path_factory.mktemp("model")
    return Model("tiny", folder, None, "", "folder")


@pytest.fixture(scope="session")
def word_level(tmp_path_factory):
    """[CLS] and [SEP] around a text; it knows few words."""
    from transformers import AutoTokenizer

    from mirctl.testing.models import save_tokenizer

    folder = tmp_path_factory.mktemp("words")
    save_tokenizer(folder, special=True)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def byte_level():
    """<s> and </s> around a text of any script; no chat template."""
    return _bytes()


@pytest.fixture(scope="session")
def chat():
    """<s> before a text, which the chat template writes, too."""
    tokenizer = _bytes(end="")
    tokenizer.chat_template = CHAT
    return tokenizer


def _bytes(end=" </s>"):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<|start|>", "<|end|>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=specials, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(TEXTS, trainer)
    around = processors.TemplateProcessing(f"<s> $A{end}", None, [("<s>", 0), ("</s>", 2)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), around])
    eos = "</s>" if end else "<|end|>"
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token=eos, pad_token="<pad>",
        unk_token="<unk>", additional_special_tokens=specials[4:],
    )  # fmt: skip
