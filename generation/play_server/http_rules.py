"""Requests that the server refuses before it does anything: for other hosts, of other sites or types, or too large."""

from collections.abc import Collection
from email.message import Message
from http import HTTPStatus


class RefusedError(Exception):
    """A request is refused: with which status, and one line that says why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


def require_own_host(headers: Message, port: int) -> str:
    """The Host that was asked for, if it is this computer by name or address.

    The page of another site can have its own name resolved to 127.0.0.1 (DNS rebinding), and then talk to this server
    as if it were its own; but its requests still carry that name. Raises: RefusedError.
    """
    named = [str(value).lower() for value in headers.get_all("Host", [])]
    if len(named) != 1 or named[0] not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        raise RefusedError(HTTPStatus.FORBIDDEN, f"only http://127.0.0.1:{port} is served here")
    return named[0]


def require_same_origin(headers: Message, host: str) -> None:
    """Refuse what the page of another site sends. Programs other than browsers send no origin.

    Source: Fetch Metadata Request Headers, W3C; RFC 6454, section 7. Raises: RefusedError.
    """
    origins, sites = headers.get_all("Origin", []), headers.get_all("Sec-Fetch-Site", [])
    if any(origin != f"http://{host}" for origin in origins) or any(site != "same-origin" for site in sites):
        raise RefusedError(HTTPStatus.FORBIDDEN, "only the page of this server may send this")


def require_type(headers: Message, allowed: Collection[str]) -> None:
    """Refuse a body of another type; forms of other sites cannot send the `allowed` ones. Raises: RefusedError."""
    sent = str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    if sent not in allowed:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {' or '.join(allowed)}")


def body_length(headers: Message, largest: int) -> int:
    """Bytes of the body that follows, at most `largest`. Raises: RefusedError."""
    lengths = [str(value) for value in headers.get_all("Content-Length", [])]
    if not lengths or "Transfer-Encoding" in headers:
        raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "Content-Length must say how long the body is")
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length must be one whole number")
    if len(lengths[0]) > 18 or int(lengths[0]) > largest:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body must be at most {largest} bytes")
    return int(lengths[0])
