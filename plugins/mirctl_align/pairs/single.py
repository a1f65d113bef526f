"""One dialogue a row, to be scored."""

from mirctl.errors import DataError
from mirctl_align.dialogue import Dialogue
from mirctl_align.pairs.messages import dialogue, prompt
from mirctl_align.pairs.rows import Row, missing, shown

TEXTS = ("text", "prompt", "response", "messages")
"""Columns of a table that can be scored."""
WANTED = {
    "messages": (list, "a list of messages"),
    "response": (list | str, "a text or a list of messages"),
    "text": (str, "a text"),
}
"""What may be scored: its type, in words, too."""


def read_dialogue(row: Row, where: str) -> Dialogue:
    """What a row gives as messages, as prompt and response, or as text."""
    name = next((name for name in WANTED if not missing(row, name)), None)
    if name is None:
        told = "gives no text, no response to a prompt, and no messages"
        raise DataError(f"{told} (it has {', '.join(row) or 'nothing'})", where=where)
    value, (kind, words) = row[name], WANTED[name]
    if not isinstance(value, kind):
        raise DataError(f"{name} is {shown(value)}: it must be {words}", where=where)
    is_asked = name == "response" and not missing(row, "prompt")
    before = prompt(row["prompt"] if is_asked else None, "prompt", where)
    found = dialogue(before, value, name, where)
    if not found[-1].content.strip():
        raise DataError(f"{name} is blank: there is nothing to score", where=where)
    return found
