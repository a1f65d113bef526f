"""A hub on the loopback: the part of its protocol that huggingface_hub speaks, with faults."""

import base64
import hashlib
import http.server
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

LARGE = re.compile(r"\.(safetensors|parquet)$")


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repository:
    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        told = json.dumps([len(self.commits), *sorted((n, sha256(c)) for n, c in files.items())])
        commit = hashlib.sha1(told.encode()).hexdigest()
        self.commits[commit], self.branches[branch] = dict(files), commit
        return commit


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Fault:
    """Answers `times` requests that match instead of the hub; `answer` gets the handler."""

    method: str
    path: str
    answer: Callable[["Handler"], None]
    times: int


class Hub(http.server.ThreadingHTTPServer):
    """`token` is who may read what is private, and who may write."""

    daemon_threads = True

    def __init__(self, token: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.token = token
        self.repos: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.ignored: set[str] = set()
        self.busy = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def put(self, name: str, files: dict[str, bytes], private: bool = False) -> str:
        """A repository with these files on main; gives the commit."""
        repo = self.repos.setdefault(name, Repository(private))
        return repo.commit("main", files)

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        repo = self.repos[name]
        return repo.commits[repo.branches[branch]]

    def fault(self, method: str, path: str, answer: Callable[["Handler"], None], times=1) -> None:
        self.faults.append(Fault(method, path, answer, times))

    def refuse(self, method: str, path: str, status: int, times: int = 1, **headers: str) -> None:
        self.fault(method, path, lambda h: h.reply(status, **headers), times)

    def asked(self, pattern: str = "") -> list[str]:
        lines = [f"{request.method} {request.path}" for request in self.requests]
        return [line for line in lines if re.search(pattern, line)]

    def sent(self) -> bytes:
        """Everything that came in a body, also what base64 hides."""
        bodies = [request.body for request in self.requests]
        for line in b"\n".join(bodies).splitlines():
            for text in re.findall(rb'"(?:content|sample)": ?"([A-Za-z0-9+/=]+)"', line):
                bodies.append(base64.b64decode(text))
        return b"\n".join(bodies)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None: ...

    def reply(self, status: int, content: object = b"", **headers: object) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers.setdefault("Content_Type", "application/json")
        self.send_response(status)
        for name, value in {"Content_Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def cut(self, content: bytes, announced: int, **headers: object) -> None:
        """Announce more than is sent, and hang up."""
        self.reply(200, content, **{**headers, "Content_Length": announced})
        self.close_connection = True

    def hang_up(self) -> None:
        """Answer nothing at all."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.body = body
        self.place = unquote(self.path.partition("?")[0])
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        with self.server.busy:
            self.server.requests.append(request)
            fault = next(
                (
                    fault
                    for fault in self.server.faults
                    if fault.times and re.search(fault.method, self.command)
                    and re.search(fault.path, self.place)
                ),
                None,
            )  # fmt: skip
            if fault:
                fault.times -= 1
        fault.answer(self) if fault else self.route()

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def route(self) -> None:
        for pattern, answer in ROUTES.items():
            method, _, path = pattern.partition(" ")
            found = re.fullmatch(path, self.place)
            if found and re.fullmatch(method, self.command):
                return answer(self, *found.groups())
        return self.reply(404)

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.server.token}"

    def repo(self, name: str) -> Repository | None:
        """The repository if it is there for this user; else the answer says so."""
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self.known):
            self.reply(404 if self.known else 401, X_Error_Code="RepoNotFound")
            return None
        return repo

    def at(self, name: str, revision: str) -> tuple[Repository, str] | None:
        if (repo := self.repo(name)) is None:
            return None
        commit = repo.branches.get(revision, revision)
        if commit not in repo.commits:
            self.reply(404, X_Error_Code="RevisionNotFound")
            return None
        return repo, commit

    def whoami(self) -> None:
        if self.known:
            return self.reply(200, {"type": "user", "name": "ada"})
        return self.reply(401, {"error": "Invalid credentials in Authorization header"})

    def create(self) -> None:
        if not self.known:
            return self.reply(401, {"error": "Invalid username or password."})
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        repo = self.server.repos.setdefault(name, Repository(asked.get("visibility") == "private"))
        repo.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"})
        return self.reply(200, {"url": f"{self.server.url}/{name}"})

    def branch(self, name: str, branch: str) -> None:
        if repo := self.repo(name):
            repo.branches[branch] = repo.branches["main"]
            self.reply(200, {})

    def info(self, name: str, revision: str = "main") -> None:
        if found := self.at(name, revision):
            repo, commit = found
            siblings = [{"rfilename": path} for path in repo.commits[commit]]
            told = {"id": name, "sha": commit, "private": repo.private, "siblings": siblings}
            self.reply(200, told)

    def tree(self, name: str, revision: str) -> None:
        if found := self.at(name, revision):
            files = found[0].commits[found[1]]
            self.reply(200, [listed(path, content) for path, content in files.items()])

    def resolve(self, name: str, revision: str, path: str) -> None:
        if (found := self.at(name, revision)) is None:
            return None
        repo, commit = found
        if path not in repo.commits[commit]:
            return self.reply(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        content = repo.commits[commit][path]
        large = LARGE.search(path)
        etag = sha256(content) if large else git_blob(content)
        headers = {"ETag": f'"{etag}"', "X_Repo_Commit": commit}
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            first = int(asked[1])
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return self.reply(206, content[first:], **headers)
        return self.reply(200, content, **headers)

    def validate(self) -> None:
        self.reply(200, {"warnings": [], "errors": []})

    def preupload(self, name: str, revision: str) -> None:
        if not self.known:
            return self.reply(403, {"error": "no write access"})
        if (found := self.at(name, revision)) is None:
            return None
        there = found[0].commits[found[1]]
        answers = []
        for file in json.loads(self.body)["files"]:
            path = file["path"]
            old = there.get(path)
            answers.append(
                {
                    "path": path,
                    "uploadMode": "lfs" if LARGE.search(path) else "regular",
                    "shouldIgnore": path in self.server.ignored,
                    "oid": listed(path, old)["oid"] if old is not None else None,
                }
            )
        return self.reply(200, {"files": answers})

    def batch(self, name: str) -> None:
        objects = []
        for item in json.loads(self.body)["objects"]:
            if item["oid"] not in self.server.stored:
                href = f"{self.server.url}/upload/{item['oid']}"
                item = {**item, "actions": {"upload": {"href": href}}}
            objects.append(item)
        self.reply(200, {"objects": objects})

    def upload(self, digest: str) -> None:
        if sha256(self.body) != digest:
            return self.reply(400)
        self.server.stored[digest] = self.body
        return self.reply(200)

    def commit(self, name: str, branch: str) -> None:
        if not self.known:
            return self.reply(403, {"error": "no write access"})
        if (found := self.at(name, branch)) is None:
            return None
        repo, before = found
        files = dict(repo.commits[before])
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "header" if value.get("parentCommit", before) != before:
                    return self.reply(412, {"error": "A commit has happened since."})
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.server.stored[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        commit = repo.commit(branch, files)
        url = f"{self.server.url}/{name}/commit/{commit}"
        return self.reply(200, {"commitUrl": url, "commitOid": commit})


def listed(path: str, content: bytes) -> dict[str, object]:
    """A file in the answer to `tree`."""
    told = {"type": "file", "path": path, "size": len(content), "oid": git_blob(content)}
    if LARGE.search(path):
        told["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
    return told


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = {
    "GET /api/whoami-v2": Handler.whoami,
    "POST /api/repos/create": Handler.create,
    "POST /api/validate-yaml": Handler.validate,
    rf"POST /api/models/{NAME}/branch/(.+)": Handler.branch,
    rf"POST /api/models/{NAME}/preupload/(.+)": Handler.preupload,
    rf"POST /api/models/{NAME}/commit/(.+)": Handler.commit,
    rf"GET /api/models/{NAME}/revision/(.+)": Handler.info,
    rf"GET /api/models/{NAME}/tree/(.+)": Handler.tree,
    rf"GET /api/models/{NAME}": Handler.info,
    rf"POST /{NAME}\.git/info/lfs/objects/batch": Handler.batch,
    r"PUT /upload/(\w+)": Handler.upload,
    rf"(?:GET|HEAD) /{NAME}/resolve/([^/]+)/(.+)": Handler.resolve,
}
