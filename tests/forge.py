"""A forge's comments, as GitHub's and GitLab's programming interfaces show them, on this computer's loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

GITHUB, GITLAB = "/repos/town/files/issues/7/comments", "/projects/3/merge_requests/7/notes"
PERSON = {GITHUB: ("user", "login"), GITLAB: ("author", "username")}
ONE = {"/repos/town/files/issues/comments/": ("PATCH", GITHUB), f"{GITLAB}/": ("PUT", GITLAB)}
BOT, TOKEN = "github-actions[bot]", "secret-token"


@dataclass
class Forge:
    """What is written on pull request 7, and each request that came: method and path."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuses: str = ""

    def write(self, place: str, who: str, body: str) -> dict[str, Any]:
        person, name = PERSON[place]
        comment = {"id": 100 + len(self.comments), person: {name: who}, "body": body}
        self.comments.append(comment)
        return comment

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, str]) -> tuple[int, Any]:
        self.asked.append((method, path))
        if method == self.refuses:
            return 403, {"message": "Resource not accessible by integration"}
        if (method, path) == ("GET", "/user"):
            return 200, {"username": BOT}
        if method == "GET" and path in PERSON:
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if method == "POST" and path in PERSON:
            return 201, self.write(path, BOT, body["body"])
        for start, (edit, _) in ONE.items():
            if method == edit and path.startswith(start):
                [comment] = [it for it in self.comments if it["id"] == int(path.removeprefix(start))]
                comment["body"] = body["body"]
                return 200, comment
        return 404, {}


@contextmanager
def forge() -> Iterator[Forge]:
    """Answer at `url` for as long as the test lasts; a request without the token is refused."""
    stands = Forge()

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            said = {self.headers.get("Authorization"), self.headers.get("PRIVATE-TOKEN")}
            known = bool(said & {f"Bearer {TOKEN}", TOKEN})
            url = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            code, answer = stands.answer(self.command, url.path, parse_qs(url.query), body) if known else (401, {})
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        stands.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield stands
        finally:
            server.shutdown()
            thread.join()
