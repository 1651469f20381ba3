"""Archives of notes, unpacked without trusting them."""

import gzip
import tarfile
import zlib
from pathlib import Path

from tqdm import tqdm

from utils.cli import show_progress
from utils.errors import DataError


def unpack(archive: Path, folder: Path, *, top: str) -> None:
    """Unpack the gzipped tar `archive`, all within its folder `top`, into `folder` without that level.

    Only plain files and folders below `top` are accepted. The compression's own checksum is verified to the end.
    Raises: DataError if the archive is truncated, damaged or holds anything else; OSError of writing.
    """
    size = archive.stat().st_size
    bar = tqdm(total=size, desc=f"unpacking {archive.name}", unit="B", unit_scale=True, disable=not show_progress())
    # gzip.open under a plain tar stream, since tarfile's own gzip stream takes a truncated archive for a whole one.
    with bar, archive.open("rb") as raw:
        try:
            with gzip.open(raw) as content, tarfile.open(fileobj=content, mode="r|") as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # else it keeps all it saw, a kilobyte each
                    _extract(tar, member, folder, top)
                    bar.update(raw.tell() - bar.n)
                while content.read(1 << 20):
                    pass
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{archive}: damaged or no NSynth archive ({error}); fetch it again") from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, top: str) -> None:
    name = member.name.removeprefix("./")
    if name == top and member.isdir():
        return
    if not name.startswith(f"{top}/") or not (member.isreg() or member.isdir()):
        raise tarfile.ExtractError(f"unexpected member {member.name!r}")
    tar.extract(member.replace(name=name.removeprefix(f"{top}/"), deep=False), folder, filter="data")
