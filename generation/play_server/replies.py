"""Answers, and the headers that they all have."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


@dataclass(frozen=True)
class Reply:
    """An answer: its body and its type, and headers besides those that all answers have."""

    content: bytes
    content_type: str
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


def error_reply(status: HTTPStatus, why: str | None = None) -> Reply:
    """A JSON object whose `error` says `why` in one line; None: the name of the status."""
    allow = {"Allow": "GET, POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return json_reply({"error": " ".join((why or status.phrase).split())}, allow, status)


def json_reply(content: Any, headers: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    """`content`, written as `utils.files.write_json` does."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return Reply(text.encode(), "application/json; charset=utf-8", status, headers or {})


def download(name: str) -> dict[str, str]:
    """The header that makes a browser save the answer as `name`."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
