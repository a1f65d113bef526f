"""A reward model as a plain folder that any program of transformers loads."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import console, files
from mirctl.encode import pretrained
from mirctl.errors import UsageError
from mirctl_align import lora, saving
from mirctl_align.dialogue import RAW, Dialogue, Message
from mirctl_align.injection import is_decoder
from mirctl_align.rendering import MARKS
from mirctl_align.saving import Opened
from mirctl_align.tokens import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MARKER = "config.json"
"""The file by which such a folder is known."""
PADDING = "<|padding|>"
"""Of a tokenizer that has no token to pad with."""
SAMPLE = (Message("user", "How are you?"), Message("assistant", "Fine, and you?"))
RAW_SAMPLE = (Message(RAW, "A text."),)
WHOLE = 1_000_000
"""Tokens that a sample may have, however few a recipe allows."""


def export(folder: Path, out: Path, *, force: bool = False) -> dict[str, Any]:
    """Write the merged model and its tokenizer; tells what there is now."""
    files.refuse_to_overwrite(out, force=force, marker=MARKER)
    opened = saving.load(folder)
    if opened.model.needs_gaze:
        told = (
            f"gaze.inject={opened.stored.gaze.inject} needs gaze, and nobody gives it to such a "
            "folder: only none and aux-loss can be exported"
        )
        raise UsageError(told, where=str(folder))
    lora.merge(opened.model.network)
    _prepare(opened)
    network, tokenizer = opened.model.network, opened.base.tokenizer
    with files.atomic_folder(out, force=force, marker=MARKER) as place, pretrained.quiet():
        network.save_pretrained(place)
        tokenizer.save_pretrained(place)
        written = sorted(os.listdir(place))
    return {
        "out": str(out),
        "class": type(network).__name__,
        "padding": tokenizer.pad_token,
        "files": written,
    }


def _prepare(opened: Opened) -> None:
    """Let tokenizer and config say all that other programs must know."""
    network, tokenizer, text = opened.model.network, opened.base.tokenizer, opened.stored.text
    whole = text.model_copy(update={"length": WHOLE, "too_long": "left"})
    tokens = Tokens.of(whole, opened.base, opened.model)
    if is_decoder(network):
        tokenizer.add_special_tokens({"pad_token": _padding(tokenizer, tokens)})
        if tokenizer.pad_token_id >= (pretrained.vocabulary(network) or 0):
            network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tokenizer.padding_side = "right"
    tokenizer.truncation_side = "left" if text.too_long == "left" else "right"
    # Only what it was made with is saved.
    tokenizer.init_kwargs |= {n: getattr(tokenizer, n) for n in ("padding_side", "truncation_side")}
    for config in (network.config, network.config.get_text_config()):
        config.pad_token_id = tokenizer.pad_token_id
    network.config.id2label, network.config.label2id = {0: "REWARD"}, {"REWARD": 0}
    _write_template(tokenizer, tokens, _ids(tokens, SAMPLE))


def _padding(tokenizer: "PreTrainedTokenizerBase", tokens: Tokens) -> str:
    """A token that ends no text: classes of transformers read the score before the padding, and
    so before the end of a text that ends like it."""
    ends = {_ids(tokens, sample)[-1] for sample in (SAMPLE, RAW_SAMPLE)}
    known = [tokenizer.pad_token, tokenizer.eos_token, tokenizer.bos_token]
    free = (t for t in known if t and tokenizer.convert_tokens_to_ids(t) not in ends)
    return next(free, PADDING)


def _write_template(
    tokenizer: "PreTrainedTokenizerBase", tokens: Tokens, wanted: list[int]
) -> None:
    """Give the tokenizer a chat template that makes the tokens of a dialogue that were learned
    from, the special ones included: other programs add none to it."""
    kind = tokens.template.kind
    first = tokenizer.chat_template if kind == "chat" else _JINJA[kind]
    turns = [{"role": turn.role, "content": turn.content} for turn in SAMPLE]
    for written in _with_marks(tokens, first):
        tokenizer.chat_template = written
        if list(tokenizer.apply_chat_template(turns, return_dict=False)) == wanted:
            return
    tokenizer.chat_template = first
    console.warn("other programs may tokenize dialogues a little otherwise than they were learned")


def _with_marks(tokens: Tokens, template: str) -> Iterator[str]:
    """A template as it is, and with the special tokens that stand around a text."""
    known = tokens.read.tokenizer
    before, behind = (
        "".join(f"{{{{ {json.dumps(token)} }}}}" for token in known.convert_ids_to_tokens(ids))
        for ids in (tokens.before, tokens.behind)
    )
    yield template
    for left, right in ((before, ""), ("", behind), (before, behind)):
        if left or right:
            yield left + template + right


def _ids(tokens: Tokens, dialogue: Dialogue) -> list[int]:
    (found,) = tokens([dialogue])
    return found.ids.tolist()


_JINJA = {
    "dialogue": (
        "{% set marks = " + json.dumps(MARKS) + " %}"
        "{% for turn in messages %}"
        r'{{ "\n\n" + marks[turn.role] + ": " + turn.content }}'
        "{% endfor %}"
        r'{% if add_generation_prompt %}{{ "\n\n" + marks.assistant + ":" }}{% endif %}'
    ),
    "plain": (
        "{% for turn in messages %}"
        r'{% if not loop.first %}{{ "\n\n" }}{% endif %}{{ turn.content }}'
        "{% endfor %}"
    ),
}
"""Templates of the ways to write a dialogue that are our own."""
