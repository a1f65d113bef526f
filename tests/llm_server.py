"""A language model's server on the loopback: what it answers is scripted, faults included."""

import http.server
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Say:
    """One answer of the server."""

    text: str | None = "hello"
    status: int = 200
    finish: str = "stop"
    headers: dict[str, str] = field(default_factory=dict)
    usage: bool = True
    delay: float = 0.0
    raw: bytes | None = None
    """The body as it is."""
    drop: bool = False
    """Close the connection in the middle."""
    message: dict = field(default_factory=dict)


class Server(http.server.ThreadingHTTPServer):
    """`script(request, n)` gives the n-th answer; `limit` requests are answered at a time."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Callable[[dict, int], Say] | None = None, limit: int = 1000) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1#tiny"
        self.script = script or (lambda request, n: Say())
        self.models = ["tiny"]
        self.models_status = 200
        self.asked: list[dict] = []
        self.keys: list[str | None] = []
        self.most, self.now = 0, 0
        """Requests at a time: the most, and at this moment."""
        self.lock = threading.Lock()
        self.slots = threading.Semaphore(limit)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """Clients that leave are no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        content = json.dumps({"data": [{"id": m} for m in self.server.models]}).encode()
        self._send(self.server.models_status, content, {})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            n = len(server.asked)
            server.asked.append(asked)
            server.keys.append(self.headers.get("Authorization"))
            server.now += 1
            server.most = max(server.most, server.now)
        try:
            say = server.script(asked, n)
            with server.slots:
                time.sleep(say.delay)
            self._answer(say, asked)
        finally:
            with server.lock:
                server.now -= 1

    def _answer(self, say: Say, asked: dict) -> None:
        content = say.raw
        if content is None and say.status != 200:
            content = json.dumps({"error": {"message": say.text}}).encode()
        elif content is None:
            message = {"role": "assistant", "content": say.text} | say.message
            found = {"choices": [{"message": message, "finish_reason": say.finish}]}
            if say.usage:
                found["usage"] = {"prompt_tokens": 10, "completion_tokens": 5}
            content = json.dumps(found).encode()
        if say.drop:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + content[:20])
            self.close_connection = True
            return
        self._send(say.status, content, say.headers)

    def _send(self, status, content, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
