"""Fetch one part of NSynth from its publishers, verify it and unpack it.

`python -m data.download_nsynth test --output DIR` makes DIR/nsynth-test with audio/*.wav and examples.json. Where there
is no network, fetch the archive elsewhere and give it by --archive. Source: Engel et al. 2017,
https://arxiv.org/abs/1704.01279; licence CC BY 4.0.
"""

import argparse
import gzip
import logging
import sys
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data.fetch import fetch, sha256_with_progress
from data.made_folder import keys_of
from utils.arguments import add_output, path
from utils.cli import Parser, add_verbosity, show_progress, start_logging, user_errors_in_one_line
from utils.errors import DataError
from utils.files import atomic_folder, explained_write_errors, require_disk_space, write_json

logger = logging.getLogger("data.download_nsynth")  # not __name__, which is __main__ when run as a script

BASE_URL = "http://download.magenta.tensorflow.org/datasets/nsynth"
_BYTES_PER_NOTE = 44 + 2 * 64_000 + 4096  # header, samples, metadata and what the file system rounds up
_REMEDY = "check the network and --base-url, or fetch it elsewhere and give it by --archive FILE"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of NSynth's three archives."""

    notes: int
    size: int | None = None  # bytes; None where nobody has published it
    sha256: str | None = None

    @property
    def unpacked_size(self) -> int:
        """Bytes of the unpacked notes, rounded up."""
        return self.notes * _BYTES_PER_NOTE


# TensorFlow Datasets lists checksums of the TFRecord archives only, so those of train and valid are not known here.
PARTS = {
    "train": Part(notes=289_205),
    "valid": Part(notes=12_678),
    "test": Part(
        notes=4_096, size=349_501_546, sha256="0f9ba5d62beba9ec4612f918d19f5e87a681822f1c566124f05fe8b27a51934c"
    ),
}


@user_errors_in_one_line("download_nsynth")
def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; its exit code is 0, or 2 after a user's mistake or without a network."""
    args = build_parser().parse_args(argv)
    start_logging(args)
    name, part = f"nsynth-{args.part}", PARTS[args.part]
    folder = args.output / name
    if _is_done(folder, part):
        logger.info("%s: already there and complete", folder)
    else:
        _obtain(folder, part, args)
    sys.stdout.write(f"{part.notes} notes in {folder}; {keys_of(folder)}\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(prog="python -m data.download_nsynth", description="Fetch, verify and unpack one part of NSynth.")
    parser.add_argument("part", choices=PARTS, help="train has 289,205 notes, valid 12,678, test 4,096")
    add_output(parser, "folder in which nsynth-PART is made")
    help_ = "address of the archives (default: %(default)s)"
    parser.add_argument("--base-url", type=_base_url, default=BASE_URL, metavar="URL", help=help_)
    help_ = "archive that is already here, in place of a download"
    parser.add_argument("--archive", type=path, metavar="FILE", help=help_)
    parser.add_argument("--keep-archive", action="store_true", help="keep the downloaded archive after unpacking")
    add_verbosity(parser)
    return parser


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/")


def _is_done(folder: Path, part: Part) -> bool:
    """Whether `folder` holds the whole part. Raises: DataError if it holds only some of it, or something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if fault := _lack(folder, part):
        raise DataError(f"{folder}: {fault}; move it away or choose another --output")
    return True


def _lack(folder: Path, part: Part) -> str:
    """What the folder lacks of the whole part; empty if nothing."""
    notes = sum(1 for path in (folder / "audio").glob("*.wav"))
    if notes != part.notes:
        return f"has {notes} of {part.notes} notes"
    return "" if (folder / "examples.json").is_file() else "lacks examples.json"


def _obtain(folder: Path, part: Part, args: argparse.Namespace) -> None:
    file_name = f"{folder.name}.jsonwav.tar.gz"
    url = f"{args.base_url}/{file_name}"
    archive = args.archive or args.output / file_name
    fetched = args.archive is None and not archive.exists()
    if fetched:
        partial = archive.with_name(f"{file_name}.part")
        with explained_write_errors(archive):
            fetch(url, partial, size=part.size, spare=part.unpacked_size, remedy=_REMEDY)
        sha256 = _verify(partial, part, ours=True)
        partial.replace(archive)
    else:
        sha256 = _verify(archive, part, ours=False)
    require_disk_space(folder, part.unpacked_size)
    with atomic_folder(folder) as new:
        _unpack(archive, new, top=folder.name)
        if fault := _lack(new, part):
            raise DataError(f"{archive}: not the archive of {folder.name}, it {fault}; fetch it again")
        write_json(new / "card.json", _card(file_name, url, sha256, part, downloaded=args.archive is None))
    if fetched and not args.keep_archive:
        archive.unlink()
    elif args.archive is None and not args.keep_archive:
        logger.info("%s: the archive stays; it is no longer needed", archive)


def _verify(archive: Path, part: Part, *, ours: bool) -> str:
    """The archive's SHA-256. Raises: DataError if it is not the published one; what we downloaded is removed."""
    try:
        sha256 = sha256_with_progress(archive)
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror}); check --archive") from error
    if part.sha256 is None:
        name = archive.name.removesuffix(".part")
        sys.stdout.write(f"{name}: no checksum is known to compare with; its sha256 is {sha256}\n")
    elif sha256 != part.sha256:
        if ours:
            archive.unlink()
        remedy = "it was removed, run again" if ours else "remove it and fetch it again"
        raise DataError(f"{archive}: sha256 is {sha256}, expected {part.sha256}; {remedy}")
    return sha256


def _unpack(archive: Path, folder: Path, *, top: str) -> None:
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


def _card(file_name: str, url: str, sha256: str, part: Part, *, downloaded: bool) -> dict[str, object]:
    return {
        "made_by": "data.download_nsynth",
        "archive": file_name,
        "url": url if downloaded else None,
        "sha256": sha256,
        "verified": part.sha256 is not None,
        "notes": part.notes,
        "licence": "CC BY 4.0",
        "source": "Engel et al. 2017, https://arxiv.org/abs/1704.01279",
    }


if __name__ == "__main__":
    sys.exit(main())
