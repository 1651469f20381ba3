"""Files from the network: resumed where they broke off, with a progress bar, errors in one line."""

import hashlib
import http.client
import logging
import re
import ssl
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

from tqdm import tqdm

from utils.cli import show_progress
from utils.errors import UserError
from utils.files import require_disk_space
from utils.regular_files import open_regular
from utils.spelling import counted

logger = logging.getLogger(__name__)

TIMEOUT = 60.0  # seconds without any byte
_BLOCK = 1 << 20  # bytes
_PARTIAL, _NOT_SATISFIABLE = 206, 416


def fetch(url: str, path: Path, *, size: int | None = None, spare: int = 0, remedy: str = "try again later") -> None:
    """Download `url` into `path`, going on after the bytes that are already there.

    `size` is the expected number of bytes, if known; `spare` bytes must be free on the disk besides. A server that
    cannot resume sends the file from its beginning; a connection that breaks is taken up again as long as each
    one brings the file further. What was received stays in `path` when an error ends this.
    Raises: UserError, with `remedy`, if the server cannot be reached, has no such file or another size, or if the
    connection keeps breaking; UserError if the disk lacks the room.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    furthest = -1
    while furthest < _length(path):
        furthest = _length(path)
        try:
            whole, reason = _receive(url, path, size, spare, remedy), "connection broken"
        except (ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException, URLError) as error:
            whole, reason = False, str(getattr(error, "reason", None) or error or type(error).__name__)
        if whole:
            return
        if _length(path) > furthest:
            logger.info("%s: %s after %s; resuming", path.name, reason, counted(_length(path), "byte"))
    received = _length(path)
    stays = f"; what was received stays in {path}: {counted(received, 'byte')}" if received else ""
    raise UserError(f"{url}: cannot be fetched ({reason}); {remedy}{stays}")


def sha256_with_progress(path: Path) -> str:
    """SHA-256 of a large file, as 64 hex digits. Raises: OSError."""
    digest = hashlib.sha256()
    with open_regular(path) as file, _bar(path.stat().st_size, 0, f"verifying {path.name}") as bar:
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bar(total: int | None, done: int, what: str) -> "tqdm[None]":
    return tqdm(total=total, initial=done, desc=what, unit="B", unit_scale=True, disable=not show_progress())


def _receive(url: str, path: Path, size: int | None, spare: int, remedy: str) -> bool:
    """One request; whether the file is whole after it."""
    have = _length(path)
    if size is not None and have == size:
        return True
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)  # only http and https come here
    except HTTPError as error:
        with error:
            if error.code == _NOT_SATISFIABLE and have:
                if error.headers.get("Content-Range") == f"bytes */{have}":
                    return True
                path.unlink()  # more bytes than the file has: they are of another one
                return _receive(url, path, size, spare, remedy)
            raise UserError(f"{url}: the server answers {error.code} {error.reason}; {remedy}") from error
    with response:
        start, total = _offered(response, url, have)
        if size is not None and total not in (None, size):
            raise UserError(f"{url}: the server offers {total} bytes, expected {size}; {remedy}")
        require_disk_space(path.parent, (total or size or 0) - start + spare)
        return _save(response, path, start, total or size)


def _offered(response: http.client.HTTPResponse, url: str, have: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin, and the length of the whole file if the server tells it."""
    if response.status == _PARTIAL:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise UserError(f"{url}: the server resumes elsewhere than asked; remove the .part file and run again")
        return have, None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length")
    if have:
        logger.info("%s: the server cannot resume; starting anew", url)
    return 0, int(length) if length else None


def _save(response: http.client.HTTPResponse, path: Path, start: int, total: int | None) -> bool:
    with path.open("ab") as file, _bar(total, start, path.name.removesuffix(".part")) as bar:
        file.truncate(start)
        while block := response.read(_BLOCK):
            file.write(block)
            bar.update(len(block))
    return total is None or _length(path) == total
