"""Files and folders are written whole or not at all, and read without executing anything in them."""

import errno
import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

from utils.errors import UserError
from utils.folder_lock import FolderLock
from utils.regular_files import open_regular, read_regular

logger = logging.getLogger(__name__)

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_UNWRITABLE = {errno.EROFS, errno.ENAMETOOLONG, errno.ENOENT, errno.EISDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO}
_BYTE_ORDER_MARK = "\ufeff"
_MOST_DIGITS = 1_000  # Python itself refuses to write out numbers of more than 4 300
_LARGEST_JSON = 64_000_000  # bytes; what people write and what programs here write is far smaller


@contextmanager
def atomic_path(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, else remove it.

    A killed or failed writer leaves the previous file, never half of the new one; with `durable`, a power cut does so
    too. Raises: UserError if the disk is full or the folder may not be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with explained_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            if durable:  # renamed before its content is on the disk, it would be empty after a power cut
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path, *, replace: bool = False, lock: FolderLock | None = None) -> Iterator[Path]:
    """Yield an empty folder beside `target`; rename it to `target` if the block succeeds, else remove it.

    A killed writer leaves a hidden `.NAME.partial`, which the next one clears away. With `replace` a `target`
    that holds something gives way at the end; without, it must be absent or empty. `lock` is that of `target`, if the
    caller holds it already.
    Raises: UserError if another process is writing `target` now, the disk is full or writing is not allowed.
    """
    target = target.resolve()
    partial = target.with_name(f".{target.name}.partial")
    with explained_write_errors(target), nullcontext(lock) if lock else FolderLock(target) as own_lock:
        if not own_lock.is_held and not own_lock.acquire():
            raise UserError(f"{target}: another process is writing it now; wait for it to end")
        if not own_lock.excludes_others:
            partial = target.with_name(f".{target.name}.{os.getpid()}.partial")  # another writer may be at work
        try:
            if partial.exists():
                logger.info("%s: clearing away what an interrupted run left", partial)
                shutil.rmtree(partial)
            partial.mkdir()
            yield partial
            _publish(partial, target, replace=replace)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def remove_partial_folders(folder: Path) -> None:
    """Remove what killed writers left of folders in `folder`; those being written stay, and those of other users."""
    for partial in folder.glob(".*.partial"):
        target = folder / partial.name.removeprefix(".").removesuffix(".partial")
        with suppress(OSError), FolderLock(target) as lock:
            if lock.acquire() and lock.excludes_others:
                logger.info("%s: left by a run that was killed; removing it", partial)
                shutil.rmtree(partial)


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into one-line errors for users."""
    try:
        yield
    except PermissionError as error:
        raise UserError(f"{_shown(error, path)}: no permission to write; choose another folder") from error
    except (NotADirectoryError, FileExistsError) as error:
        where = _shown(error, path)
        raise UserError(f"{where}: a file stands where a folder is needed; choose another path") from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise UserError(f"{path}: no space left on the disk; free some and run again") from error
        if error.errno in _UNWRITABLE:
            raise UserError(
                f"{_shown(error, path)}: cannot be written ({error.strerror}); choose another path"
            ) from error
        raise


def _shown(error: OSError, path: Path) -> Path:
    """Where the system refused to write `path`: there, or in a folder above; a temporary name says nothing to users."""
    refused = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else path
    ours = any(part.startswith(".") and part.endswith((".tmp", ".partial")) for part in refused.parts)
    return path if ours else refused


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically; NaN and infinity are refused, since JSON has none."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically; the same bytes on every system, whatever ends its lines there."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_json(
    path: Path, error_type: Callable[[str], UserError] = UserError, *, most_bytes: int = _LARGEST_JSON
) -> Any:
    """Parse the JSON file `path`.

    Raises: `error_type` naming the file, and line and column where JSON breaks off; a key given twice counts
    as broken. So does what is no file, such as a pipe, or has more than `most_bytes`: reading it might never end.
    """
    try:
        text = read_regular(path, most_bytes).decode("utf-8")
        if text.startswith(_BYTE_ORDER_MARK):
            raise ValueError("it starts with a byte order mark: save it as UTF-8 without")
        return json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_int=_parse_int,
            parse_float=_parse_float,
            parse_constant=_refuse_constant,
        )
    except FileNotFoundError as error:
        raise error_type(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise error_type(f"{path}: cannot be read ({error.strerror}); give a readable JSON file") from error
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno} column {error.colno}"
        raise error_type(f"{where}: not valid JSON ({error.msg}); mend it there") from error
    except UnicodeDecodeError as error:
        raise error_type(f"{path}: not usable as JSON (byte {error.start} is not UTF-8); mend the file") from error
    except RecursionError as error:
        raise error_type(f"{path}: not usable as JSON (nested too deeply); mend the file") from error
    except MemoryError as error:
        raise error_type(f"{path}: not usable as JSON (takes more memory than there is); shorten the file") from error
    except ValueError as error:
        raise error_type(f"{path}: not usable as JSON ({error}); mend the file") from error


def sha256_of_file(path: Path) -> str:
    """SHA-256 of the file's bytes, as 64 hex digits. Raises: OSError, also if `path` is no file, such as a pipe."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_disk_space(folder: Path, needed: int, advice: str = "free some space or choose another folder") -> None:
    """Raise UserError, with `advice`, unless the disk of `folder` (which may not exist yet) has `needed` bytes free."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UserError(f"{folder}: needs {needed / 1e6:,.0f} MB but the disk has {free / 1e6:,.0f} MB free; {advice}")


def require_writable_folder(folder: Path) -> None:
    """Refuse before the work what would be refused after it. Raises: UserError if `folder` cannot be written."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise UserError(f"{place}: a file stands where a folder is needed; choose another output folder")
    if not os.access(place, os.W_OK):
        raise UserError(f"{place}: no permission to write; choose another output folder")


def _publish(partial: Path, target: Path, *, replace: bool) -> None:
    former = target.with_name(f".{target.name}.former")
    if replace:
        shutil.rmtree(former, ignore_errors=True)
        if target.exists():
            target.replace(former)
    elif target.is_dir():
        target.rmdir()  # Windows renames nothing to the name of a folder that is there, empty or not
    partial.replace(target)
    if replace:
        shutil.rmtree(former, ignore_errors=True)


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is beyond the largest number")
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _parse_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key[:60]!r} is given twice")
        result[key] = value
    return result
