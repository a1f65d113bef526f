"""`--shard i/n`: one of n parts of work that any scheduler can spread."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from mirctl.errors import UsageError

if TYPE_CHECKING:
    from mirctl.tables import Block, Stream


def part(count: int, index: int, of: int) -> slice:
    """The index-th (from 0) of so many parts of `count` things: they follow each other, and differ
    by one at most."""
    return slice(count * index // of, count * (index + 1) // of)


@dataclass(frozen=True)
class Shard:
    """The index-th (from 0) of `of` parts; without numbers the whole.

    What is computed in blocks is cut between blocks: numbers may depend in their last bit on what
    is computed beside them, and so the parts, joined, are the whole byte for byte.
    """

    index: int = 0
    of: int = 1

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """`i/n`, i from 1."""
        if text is None:
            return cls()
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"--shard {text[:80]!r}: write i/n with 1 <= i <= n < 10**9")
        return cls(int(match[1]) - 1, int(match[2]))

    def rows(self, count: int, block: int) -> range:
        """Numbers of this part's rows, of `count` in blocks of `block`."""
        blocks = part(-(-count // block), self.index, self.of)
        return range(count)[blocks.start * block : blocks.stop * block]

    def blocks(self, stream: Stream, rows: int) -> Iterator[Block]:
        """This part's blocks of a table, which is read twice: first they are counted."""
        if self.of == 1:
            yield from stream.blocks(rows)
            return
        mine = part(sum(1 for _ in stream.blocks(rows)), self.index, self.of)
        with closing(stream.blocks(rows)) as blocks:
            for number, block in enumerate(blocks):
                if number >= mine.start and number < mine.stop:
                    yield block
                if number + 1 >= mine.stop:
                    return


WHOLE = Shard()
