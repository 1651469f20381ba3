"""Runs on the Hugging Face Hub: pulled into its cache, from which they are read without a network later."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from tqdm import tqdm

from models.shared_generator import CARD, WEIGHTS, read_shared
from utils.cli import show_progress
from utils.errors import CheckpointError, UserError
from utils.files import explained_write_errors, require_disk_space
from utils.hub_name import HubName, is_hub_name
from utils.spelling import counted, shortened

logger = logging.getLogger(__name__)

TAKEN = (WEIGHTS, CARD, "README.md", "notes/*.json", "notes/*.wav", "notes/*.flac")
"""What is downloaded of a repository: numbers, text and sound, none of which is ever executed."""

_BRIEF = 120


class _Bar(tqdm):  # type: ignore[misc]
    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "disable": not show_progress(), "leave": False})


class _NoBar(tqdm):  # type: ignore[misc]
    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "disable": True})


def local_run(run: str | Path | HubName) -> Path:
    """The folder of `run`: itself if it is a path; what is pulled for `hf://OWNER/NAME`. Raises: UserError."""
    if isinstance(run, str) and is_hub_name(run):
        try:
            run = HubName.parse(run)
        except ValueError as error:
            raise UserError(f"{shortened(str(run))}: {error}") from error
    return pull(run) if isinstance(run, HubName) else Path(run)


def pull(name: HubName) -> Path:
    """The folder of the Hub's cache with the shared generator `name`, downloaded if it is not there or has changed.

    If the Hub cannot be reached, or HF_HUB_OFFLINE is set, the folder is what the cache has. Raises: UserError if there
    is no such repository, revision, or copy; CheckpointError if the repository holds no generator, or a damaged one.
    """
    hub = client()
    cache = Path(hub.constants.HF_HUB_CACHE)
    with explained(hub, name), explained_write_errors(cache):
        try:
            offered = _snapshot(hub, name, dry_run=True, tqdm_class=_NoBar)
        except hub.errors.DryRunError as error:
            folder = _cached(hub, name, error.__cause__)
        else:
            _require_generator(name, {file.filename for file in offered})
            _say(name, offered, cache)
            folder = Path(_snapshot(hub, name, tqdm_class=_Bar))
    _require_whole(name, folder)
    return folder


def client() -> Any:
    """The package huggingface_hub. Raises: UserError if it is not installed."""
    try:
        hub = import_module("huggingface_hub")
        for part in ("constants", "errors"):
            import_module(f"huggingface_hub.{part}")
    except ImportError as error:
        raise UserError("hf://: needs huggingface_hub; run `pip install -r requirements-hub.txt`") from error
    return hub


@contextmanager
def explained(hub: Any, name: HubName) -> Iterator[None]:
    """What the Hub and the network refuse, as errors of one line; the package's own messages are not shown."""
    errors, messages = hub.errors, logging.getLogger("huggingface_hub")
    former = messages.level
    messages.setLevel(logging.ERROR)
    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(f"{name}: its owner gives access on request; ask for it on the page of {name}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: no such repository, or a private one; check the name, or log in with `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name}: no revision {name.revision}; check its name, or leave it out") from error
    except errors.HfHubHTTPError as error:
        answer = error.response.status_code if error.response is not None else error
        said = f": {error.server_message}" if error.server_message else ""
        raise UserError(f"{name}: the Hub answers {answer}{said}; try again later, or log in again") from error
    except (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError) as error:
        raise UserError(f"{name}: {_reason(error)}; try again where there is a network") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise UserError(f"{name}: {' '.join(str(error).split())[:_BRIEF]}; run again") from error
    finally:
        messages.setLevel(former)


def _snapshot(hub: Any, name: HubName, **settings: Any) -> Any:
    return hub.snapshot_download(name.repository, revision=name.revision, allow_patterns=list(TAKEN), **settings)


def _cached(hub: Any, name: HubName, cause: BaseException | None) -> Path:
    """The copy in the cache, where the Hub cannot be asked because of `cause`."""
    if isinstance(cause, hub.errors.RepositoryNotFoundError):
        raise cause
    try:
        folder = Path(_snapshot(hub, name, local_files_only=True))
    except hub.errors.LocalEntryNotFoundError as error:
        reason = f"{_reason(cause)}, and the cache has no whole copy"
        raise UserError(f"{name}: {reason}; try again where there is a network") from error
    _require_generator(name, {path.name for path in folder.iterdir()})
    if not isinstance(cause, hub.errors.OfflineModeIsEnabled):
        logger.warning("%s: %s; using the copy in the cache, which may be old", name, _reason(cause))
    return folder


def _reason(cause: BaseException | None) -> str:
    if type(cause).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set"
    return f"the Hub cannot be reached ({' '.join(str(cause).split())[:_BRIEF] or type(cause).__name__})"


def _require_generator(name: HubName, files: set[str]) -> None:
    missing = [file for file in (WEIGHTS, CARD) if file not in files]
    if missing:
        raise CheckpointError(f"{name}: holds no {' and no '.join(missing)}; give a run that generate.py push shared")


def _say(name: HubName, offered: list[Any], cache: Path) -> None:
    """One line on what is going to be downloaded; nothing if all of it is in the cache."""
    wanted = [file for file in offered if file.will_download]
    if wanted:
        size = sum(file.file_size or 0 for file in wanted)
        require_disk_space(cache, size, "free some, or set HF_HUB_CACHE to a folder on another disk")
        what = f"{counted(len(wanted), 'file')}, {size / 1e6:.2f} MB, commit {wanted[0].commit_hash[:12]}"
        logger.info("%s: downloading %s, into %s", name, what, cache)


def _require_whole(name: HubName, folder: Path) -> None:
    """Raise CheckpointError unless the weights in `folder` are those that its JSON names."""
    path = folder / WEIGHTS
    try:
        read_shared(path)
    except CheckpointError as error:
        fault = str(error).removeprefix(f"{path}: ").removeprefix(f"{folder / CARD}: ").partition(";")[0]
        raise CheckpointError(
            f"{name}: damaged, in the cache or on the Hub ({fault}); remove {folder.parents[1]} and run again, and if "
            "that does not help, tell its owner"
        ) from error
