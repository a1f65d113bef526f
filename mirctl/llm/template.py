"""Prompts in files that people copy and edit.

A file is text with `{name}` fields; `{{name}}` is the word in braces, other braces are themselves.
Lines `--- system`, `--- user`, `--- assistant` begin a message; without one all is the user's.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mirctl import files
from mirctl.errors import UsageError, suggest
from mirctl.llm.prompts import ROLES, Message, Prompt

FIELD = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|\{([A-Za-z_]\w*)\}", re.ASCII)
TURN = re.compile(rf"^--- ({'|'.join(ROLES)})[ \t]*\n", re.MULTILINE)
LONGEST = 1 << 20
"""Bytes of a file."""


@dataclass(frozen=True)
class Template:
    """A prompt with fields."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """Another text is another version."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, in their order."""
        return tuple(dict.fromkeys(found[2] for found in FIELD.finditer(self.text) if found[2]))

    def fill(self, values: Mapping[str, object], *, draw: int = 0) -> Prompt:
        """With these values, whose own braces mean nothing."""
        if lacking := [name for name in self.fields if name not in values]:
            told = f"field {{{lacking[0]}}} is unknown"
            hint = suggest(lacking[0], values, f"there are {', '.join(values)}")
            raise UsageError(f"{told}{hint}", where=self.name)
        pieces = TURN.split(self.text)
        first = [("user", pieces[0])] if pieces[0].strip() else []
        turns = [*first, *zip(pieces[1::2], pieces[2::2], strict=True)]
        messages = tuple(Message(role, _filled(text.strip(), values)) for role, text in turns)
        return Prompt(messages, self.version, draw)


def template(name: str | Path, shipped: Path) -> Template:
    """A file, or by its name without `.txt` one of those in the folder `shipped`."""
    known = {path.stem: path for path in sorted(shipped.glob("*.txt"))}
    path = known.get(str(name), Path(name))
    with files.unreadable_is(UsageError, path):
        if not path.is_file():
            others = f", or one of {', '.join(known)}" if known else ""
            hint = suggest(str(name), known, f"name a file{others}")
            raise UsageError(f"prompt {str(name)!r} is not there{hint}")
        content = path.read_bytes()
    try:
        text = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"is no UTF-8 text: {error}", where=str(path)) from error
    if len(content) > LONGEST or not TURN.sub("", text).strip():
        told = "is empty" if len(content) <= LONGEST else f"is longer than {LONGEST:,} bytes"
        raise UsageError(f"a prompt that {told}", where=str(path))
    return Template(str(name), text)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return FIELD.sub(lambda m: f"{{{m[1]}}}" if m[1] else str(values[m[2]]), text)
