"""Files sent to a repository of the Hugging Face Hub: all in one commit, or none."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.hub import client, explained
from utils.errors import UserError
from utils.hub_name import HubName

logger = logging.getLogger(__name__)

_CONFLICT = 409


def upload(name: HubName, files: Mapping[str, Path], *, private: bool, update: bool, message: str) -> str:
    """Send `files`, by their names in the repository `name`, which is made, `private` or not; returns its page.

    With `update` the repository must be there already, and keeps its other files and whether it is private.
    Raises: UserError, as `models.hub.pull` does, also if the repository is there without `update`, or if nobody is
    logged in. A repository that was made stays, empty, if the commit fails.
    """
    hub = client()
    api = hub.HfApi()
    with explained(hub, name):
        _require_login(hub, name)
        if update:
            api.model_info(name.repository)
        else:
            _create(hub, api, name, private=private)
        operations = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(file)) for path, file in files.items()
        ]
        try:
            api.create_commit(name.repository, operations, commit_message=message)
        except ValueError as error:  # the Hub does not take the card
            raise UserError(f"{name}: {' '.join(str(error).split())}; mend the card") from error
    return f"{api.endpoint}/{name.repository}"


def _require_login(hub: Any, name: HubName) -> None:
    if hub.get_token() is None:
        raise UserError(f"{name}: nobody is logged in to the Hub; run `hf auth login`, or set HF_TOKEN")


def _create(hub: Any, api: Any, name: HubName, *, private: bool) -> None:
    try:
        api.create_repo(name.repository, private=private)
    except hub.errors.HfHubHTTPError as error:
        if error.response.status_code != _CONFLICT:
            raise
        raise UserError(f"{name}: is there already; choose another name, or ask for an update of it") from error
    logger.info("%s: the repository is made, and empty until the files are there", name)
