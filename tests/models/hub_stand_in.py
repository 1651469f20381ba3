"""A stand-in for the Hugging Face Hub on this machine: as much of it as pulling and pushing a run needs."""

import base64
import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_of_the_owner"
MODEL = re.compile(r"/api/models/([^/]+/[^/]+)/(revision|tree|preupload|commit)/([^/?]+)")
PLAIN = re.compile(r"/api/models/([^/]+/[^/]+)")
FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)")


@dataclass
class Repository:
    """Its files by commit, and what its branches and tags mean."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def commit(self, files, *revisions):
        content = {**self.commits.get(self.revisions.get("main"), {}), **files}
        sha = hashlib.sha1(repr(sorted(content.items())).encode()).hexdigest()
        self.commits[sha] = content
        self.revisions |= dict.fromkeys(("main", *revisions), sha)
        return sha

    def files(self, revision):
        return self.commits.get(self.revisions.get(revision, revision))


@dataclass
class Hub:
    """The repositories of the stand-in, and the paths that were asked of it."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    downloaded: list[str] = field(default_factory=list)
    cut_short: set[str] = field(default_factory=set)  # files whose connection breaks in the middle
    refuse_card: bool = False
    endpoint: str = ""

    def add(self, name, folder, *, private=False):
        files = {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        repository = self.repositories[name] = Repository(private=private)
        repository.commit(files)
        return repository


class Handler(BaseHTTPRequestHandler):
    """Answers as the Hub does, with its headers."""

    protocol_version = "HTTP/1.1"

    def __init__(self, hub, *args):
        self.hub = hub
        super().__init__(*args)

    def log_message(self, *_):
        """Be quiet."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.hub.asked.append(f"{self.command} {self.path}")
        if match := FILE.match(self.path):
            self._send_file(*match.groups())
        elif match := MODEL.match(self.path):
            self._send_listing(*match.groups())
        elif match := PLAIN.fullmatch(self.path):
            self._send_listing(match[1], "revision", "main")
        else:
            self._send(404)

    def do_POST(self):
        self.hub.asked.append(f"{self.command} {self.path}")
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_owner():
            self._send(401, {"error": "Invalid username or password."})
        elif self.path == "/api/repos/create":
            self._create(json.loads(content))
        elif self.path == "/api/validate-yaml":
            errors = [{"message": "license must be one of a list"}] if self.hub.refuse_card else []
            self._send(400 if errors else 200, {"errors": errors, "warnings": []})
        elif match := MODEL.match(self.path):
            self._receive(match[1], match[2], content)
        else:
            self._send(404)

    def _is_owner(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repository(self, name):
        """The repository if the client may see it; the Hub answers 401 for all others."""
        found = self.hub.repositories.get(name)
        if found is None or (found.private and not self._is_owner()):
            self._send(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return found

    def _send_listing(self, name, what, revision):
        repository = self._repository(name)
        if repository is None:
            return
        files = repository.files(revision)
        if files is None:
            self._send(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        elif what == "revision":
            siblings = [{"rfilename": path} for path in files]
            sha = repository.revisions.get(revision, revision)
            self._send(200, {"id": name, "modelId": name, "sha": sha, "siblings": siblings})
        else:
            listed = [
                {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for path, content in files.items()
            ]
            self._send(200, listed)

    def _send_file(self, name, revision, path):
        repository = self._repository(name)
        if repository is None:
            return
        content = repository.files(revision)[path]
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": revision}
        if self.command == "GET":
            self.hub.downloaded.append(path)
        self._send(200, content, headers, cut_short=path in self.hub.cut_short)

    def _create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repositories:
            self._send(409, {"error": "You already created this model repo"})
            return
        repository = self.hub.repositories[name] = Repository(private=asked.get("visibility") == "private")
        repository.commit({})
        self._send(200, {"url": f"{self.hub.endpoint}/{name}", "name": name})

    def _receive(self, name, what, content):
        repository = self._repository(name)
        if what == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(content)["files"]
            ]
            self._send(200, {"files": files})
            return
        lines = [json.loads(line) for line in content.splitlines()]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        sha = repository.commit(files)
        self._send(200, {"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}"})

    def _send(self, status, content=b"", headers=None, *, cut_short=False):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for header, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(header, value)
        if cut_short:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut_short else body)


@contextmanager
def served():
    """A hub that listens on a free port of this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
