"""50 clients ask a served index of MovieLens for 20 s: titles, users, pictures, all mixed.

Peer: the same clients at `/health`, which is the web framework alone. Clients and server share the
machine's cores. `--index FOLDER` takes an index that is there; without it one is made.
"""

import argparse
import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from measure import ROOT, goal, mirctl, movielens

sys.path.insert(0, str(ROOT / "tests"))
from fuse.serving.processes import started

CLIENTS, SECONDS, K = 50, 20, 10
Request = tuple[str, str, bytes, dict[str, str]]
JSON = {"Content-Type": "application/json"}


@dataclass
class Seen:
    """What clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def report(self, what: str) -> None:
        p50, p99 = np.percentile(self.milliseconds, [50, 99])
        rate = len(self.milliseconds) / SECONDS
        print(f"  {what}: {rate:,.0f} a second, p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def made(folder: Path, data: Path) -> Path:
    """An index of titles, genres and posters; its model need not be a good one."""
    told = [
        "fuse/ml-100k", f"data.interactions={data / 'interactions.csv'}",
        f"data.items={data / 'items.csv'}", f"data.images={data / 'posters'}",
        "model.modalities.texture=null", "train.epochs=1",
    ]  # fmt: skip
    mirctl("fuse", "train", *told, "--out", folder / "model")
    mirctl("fuse", "index", folder / "model", "--out", folder / "index")
    return folder / "index"


def requests(data: Path) -> list[Request]:
    """Each tenth sends a poster, each tenth asks for a user, the others for a text."""
    import csv

    with (data / "items.csv").open() as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    posters = sorted((data / "posters").iterdir())
    found: list[Request] = []
    for n, title in enumerate(titles):
        if n % 10 == 0:
            found.append(_form(posters[n % len(posters)]))
            continue
        query = {"user": str(1 + n % 900)} if n % 10 == 1 else {"title": title}
        found.append(("POST", "/search", json.dumps({"query": query, "k": K}).encode(), JSON))
    return found


def _form(poster: Path) -> Request:
    edge = b"edge-of-a-part"
    head = b'--%s\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' % edge
    body = head + poster.read_bytes() + b"\r\n--%s--\r\n" % edge
    kind = {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}
    return ("POST", "/search", body, kind)


def load(address: str, asked: list[Request]) -> Seen:
    """All clients at once, each with a connection of its own and one request after the other."""
    seen, host = Seen(), address.removeprefix("http://")
    turns, until = itertools.count(), time.monotonic() + SECONDS

    def client() -> None:
        link = http.client.HTTPConnection(host, timeout=60)
        while time.monotonic() < until:
            begin = time.perf_counter()
            try:
                link.request(*asked[next(turns) % len(asked)])
                answer = link.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                seen.errors.append(f"{type(error).__name__}: {error}")
                link.close()
                continue
            seen.milliseconds.append(1000 * (time.perf_counter() - begin))
            if answer.status != 200:
                seen.errors.append(f"{answer.status} {content[:200]!r}")

    _all(client)
    return seen


def _all(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--index", type=Path)
    given = parser.parse_args().index
    data = movielens()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, address = stack.enter_context(started(given or made(folder, data)))
        print(f"{CLIENTS} clients, {SECONDS} s")
        ours = load(address, requests(data))
        ours.report("ours, searches")
        load(address, [("GET", "/health", b"", {})]).report("peer, /health")
        goal("errors", len(ours.errors), "<=", 0)
        for told in ours.errors[:3]:
            print(f"  {told}")


if __name__ == "__main__":
    main()
