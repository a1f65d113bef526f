"""A language model's server is kept busy by eight requests in flight; a second run asks nothing.

The server is a process of its own that answers eight requests at a time, each in 100 ms: 80 a
second at most. The peer is a script: a thread pool of eight over a bare HTTP client. The best of
RUNS, without the time to make a client.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import httpx2
from measure import goal

from llm_server import Say, Server
from mirctl import llm
from mirctl.llm import LlmConfig

AT_ONCE, SECONDS, PROMPTS, RUNS = 8, 0.1, 200, 3
LIMIT = AT_ONCE / SECONDS


def serve(pipe) -> None:
    server = Server(lambda request, n: Say(delay=SECONDS), limit=AT_ONCE)
    pipe.send(server.url)
    pipe.recv()
    pipe.send(len(server.asked))
    server.stop()


def bare(address: str, prompts: list[str]) -> float:
    """Requests a second of a plain script."""
    with httpx2.Client(timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def ask(prompt: str) -> str:
            messages = [{"role": "user", "content": prompt}]
            told = {"model": "tiny", "messages": messages}
            return client.post(f"{address}/chat/completions", json=told).json()["choices"][0]

        begin = time.monotonic()  # the client is there already, as ours is
        list(pool.map(ask, prompts))
        return len(prompts) / (time.monotonic() - begin)


def ours(url: str, prompts: list[str]) -> tuple[float, dict]:
    """Requests a second, and what was asked."""
    model = llm.connect(LlmConfig(model=url, at_once=AT_ONCE))
    begin = time.monotonic()
    answers = model.ask(prompts)
    took = time.monotonic() - begin
    if problem := next((answer.problem for answer in answers if answer.problem), None):
        sys.exit(str(problem))
    return len(prompts) / took, model.facts()


def main() -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    process.start()
    url = here.recv()
    peer, rate = 0.0, 0.0
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MIRCTL_CACHE"] = cache
        for run in range(RUNS):
            prompts = [f"Film {n} of {run}" for n in range(PROMPTS)]
            peer = max(peer, bare(url.partition("#")[0], prompts))
            rate = max(rate, ours(url, prompts)[0])
        again, facts = ours(url, prompts)
    here.send("stop")
    asked = here.recv()
    process.join()
    print(f"{PROMPTS} prompts, {AT_ONCE} in flight; the server's limit is {LIMIT:.0f} a second")
    print(f"  a bare script: {peer:.3g} a second, {peer / LIMIT:.3g} of the limit")
    print(f"  mirctl.llm:    {rate:.3g} a second, {rate / peer:.3g} of the script's")
    goal("share of the server's limit", rate / LIMIT, ">=", 0.9)
    goal("requests of a second run", facts["requests"] + asked - 2 * RUNS * PROMPTS, "<=", 0)
    goal("seconds of a second run", PROMPTS / again, "<=", 1, " s")


if __name__ == "__main__":
    main()
