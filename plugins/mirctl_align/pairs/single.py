"""One dialogue a row, to be scored."""

from mirctl.errors import DataError
from mirctl_align.dialogue import Dialogue
from mirctl_align.pairs.messages import dialogue, prompt
from mirctl_align.pairs.rows import Row, missing, shown

TEXTS = ("text", "prompt", "response", "messages")
"""Columns of a table that can be scored."""
WANTED = {"messages": list, "response": list | str, "text": str}


def read_dialogue(row: Row, where: str) -> Dialogue:
    """What a row gives as messages, as prompt and response, or as text."""
    name = next((name for name in WANTED if not missing(row, name)), None)
    if name is None:
        told = f"gives no text, no response to a prompt, and no messages (it has {', '.join(row)})"
        raise DataError(told, where=where)
    value = row[name]
    if not isinstance(value, WANTED[name]):
        kind = "a text" if name == "text" else "a list of messages"
        raise DataError(f"{name} is {shown(value)}: it must be {kind}", where=where)
    before = prompt(row.get("prompt"), "prompt", where) if name == "response" else ((), False)
    found = dialogue(before, value, name, where)
    if not found[-1].content.strip():
        raise DataError(f"{name} is blank: there is nothing to score", where=where)
    return found
