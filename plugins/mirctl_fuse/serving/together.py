"""One thread that asks the model: queries that wait at the same time are read in one pass."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Self

from mirctl.errors import MirctlError, RunError
from mirctl_fuse.searching import Search
from mirctl_fuse.serving.asking import Prepared

AT_ONCE = 32
Answer = list[tuple[int, float]]
"""(place in the index, score), best first."""
Waiting = tuple[Prepared, "Future[Answer]"]


class Together:
    """Answers queries until it is closed."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="search", daemon=True)
        self._closed = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def ask(self, prepared: Prepared) -> "Future[Answer]":
        """What will be answered."""
        future: Future[Answer] = Future()
        if self._closed:
            future.set_exception(RunError("the server ends"))
        else:
            self._waiting.put((prepared, future))
        return future

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            block, ends = [first], False
            while len(block) < AT_ONCE and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    ends = True
                    break
                block.append(following)
            self._answer([one for one in block if one[1].set_running_or_notify_cancel()])
            if ends:
                return

    def _answer(self, block: Sequence[Waiting]) -> None:
        """All of a block; where one cannot be answered, each by itself."""
        apart = any(prepared.asked.apart for prepared, _ in block)
        try:
            vectors = self.search.vectors([prepared.query for prepared, _ in block], apart=apart)
        except Exception as error:
            if len(block) == 1:
                block[0][1].set_exception(error)
            elif isinstance(error, MirctlError):
                for one in block:
                    self._answer([one])
            else:
                for _, future in block:
                    future.set_exception(error)
            return
        for (prepared, future), own in zip(block, vectors, strict=True):
            asked = prepared.asked
            how = {"apart": asked.apart, "approximate": asked.approximate}
            try:
                ranked = self.search.ranked(prepared.query, own, asked.k, prepared.allowed, **how)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(ranked)
