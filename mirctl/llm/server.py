"""A server that speaks OpenAI's protocol, asked from several threads.

What may pass is tried again: drops, silence, half answers, 408, 425, 429 and 5xx, after twice the
time each, or when the server says. What will not pass ends the asking, and what is done stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from mirctl import console
from mirctl.llm import wire
from mirctl.llm.answers import Problem, Reply
from mirctl.llm.budget import Meter, estimated
from mirctl.llm.config import LlmConfig
from mirctl.llm.endpoint import Endpoint, Trouble
from mirctl.llm.pace import Pace, backoff
from mirctl.llm.prompts import Request

if TYPE_CHECKING:
    from httpx2 import Client

Take = Callable[[int, Reply], None]


@dataclass
class Asking:
    """What the threads of one call share."""

    client: Client
    todo: SimpleQueue[tuple[int, Request]] = field(default_factory=SimpleQueue)
    done: SimpleQueue[tuple[int, Reply | Exception]] = field(default_factory=SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)
    ended: Problem | None = None
    """Why nothing more is asked."""
    failures: int = 0
    """Requests without an answer, since the last one that had one."""


class Server:
    """Answers requests; safe to share between threads."""

    def __init__(self, config: LlmConfig, meter: Meter) -> None:
        self.config, self.meter = config, meter
        self.endpoint = Endpoint(config)
        self.name, self.identity = self.endpoint.name, self.endpoint.identity
        self.pace = Pace(config.per_minute)
        self.changes: list[str] = []
        """Refusals after which requests were changed."""

    def answer(self, requests: Sequence[Request], take: Take) -> None:
        """Call `take` with the number of each request and its reply, as they come."""
        with self.endpoint.opened() as client:
            shared = Asking(client)
            for pair in enumerate(requests):
                shared.todo.put(pair)
            for _ in range(min(self.config.at_once, len(requests))):
                # Ctrl-C need not wait for what is on its way.
                threading.Thread(target=self._work, args=(shared,), daemon=True).start()
            try:
                for _ in requests:
                    n, reply = shared.done.get()
                    if isinstance(reply, Exception):
                        raise reply
                    take(n, reply)
            finally:
                shared.stop.set()
                while not shared.done.empty():  # what came meanwhile is not lost
                    n, reply = shared.done.get()
                    if isinstance(reply, Reply):
                        take(n, reply)

    def _work(self, shared: Asking) -> None:
        while not shared.stop.is_set():
            try:
                n, request = shared.todo.get_nowait()
            except Empty:
                return
            try:
                reply = self._reply(request, shared)
            except Exception as error:  # the caller's thread tells it
                shared.done.put((n, error))
                return
            if reply.problem and reply.problem.hopeless:
                shared.ended = shared.ended or reply.problem
            shared.done.put((n, reply))

    def _reply(self, request: Request, shared: Asking) -> Reply:
        """Of one request, after as many tries as it takes."""
        most = sum(estimated(m["content"]) for m in request.messages) + self.config.max_tokens
        tried, again = 0, False
        while True:
            self.pace.wait(shared.stop)
            if shared.ended or shared.stop.is_set():
                return _unasked(shared.ended)
            if problem := self.meter.take(most, wait=True, again=again):
                return Reply("", problem=problem)
            told = self._told(request)
            found = self._once(told, request, most, shared.client)
            again = True
            if isinstance(found, Reply) and self._adapted(told, found):
                continue
            if isinstance(found, Reply):
                shared.failures = 0
                return found
            tried += 1
            if tried == self.config.tries or (
                found.unreachable and not self.endpoint.heard and tried > 1
            ):
                return self._given_up(found, tried, shared)
            self.pace.hold(found.wait)
            shared.stop.wait(0 if found.wait else backoff(tried))

    def _given_up(self, trouble: Trouble, tried: int, shared: Asking) -> Reply:
        """One failure may be the prompt's; many in a row are the server's."""
        shared.failures += 1
        hopeless = self._was_never_there(trouble) or shared.failures >= max(3, self.config.at_once)
        told = f"{self.name} {trouble.told} ({console.counted(tried, 'try', 'tries')})"
        return Reply("", problem=Problem("server", told, hopeless))

    def _was_never_there(self, trouble: Trouble) -> bool:
        return trouble.unreachable and not self.endpoint.heard

    def _told(self, request: Request) -> wire.Body:
        """What a request says, in the words that this server takes."""
        told = wire.body(self.config, self.endpoint.model, request)
        for refusal in self.changes:
            if change := wire.adapted(told, refusal):
                told = change[0]
        return told

    def _adapted(self, told: wire.Body, found: Reply) -> bool:
        """Is there another way to say what the server refuses?"""
        change = wire.adapted(told, found.text) if found.finish == "refused" else None
        if change is None:
            return False
        if found.text not in self.changes:
            self.changes.append(found.text)
            console.warn(f"{self.name} {change[1]}")
        return True

    def _once(
        self, told: wire.Body, request: Request, most: int, client: Client
    ) -> Reply | Trouble:
        """Ask once, and count what it costs."""
        read, written, guessed = 0, 0, False
        try:
            found = self.endpoint.complete(client, told, request)
            if isinstance(found, Reply):
                read, written = found.prompt_tokens, found.answer_tokens
                guessed = not found.counted
            return found
        finally:
            self.meter.give(most, read, written, guessed=guessed)


def _unasked(ended: Problem | None) -> Reply:
    why = ended.told if ended else "interrupted"
    return Reply("", problem=Problem("server", f"not asked: {why}", hopeless=True))
