"""Regions as SFZ, a text that names WAV files."""

from collections.abc import Sequence
from pathlib import Path

from generation.sampler.regions import Envelope, Region
from utils.files import write_text


def write_sfz(path: Path, regions: Sequence[Region], envelope: Envelope, *, title: str, folder: str) -> None:
    """Write the instrument `title`, whose samples are `folder`/NAME.wav beside it. Raises: UserError.

    The release of `envelope` ends a drum that another one of its group chokes. Source: rgc:audio 2004, sfz file format
    1.0. `loop_end` is the last sample of the loop there.
    """
    lines = [
        f"// {' '.join(title.split())}",
        "",
        "<global>",
        f"ampeg_attack={envelope.attack:g} ampeg_release={envelope.release:g}",
    ]
    for region in regions:
        (lowest, highest), (softest, loudest) = region.keys, region.velocities
        lines += [
            "",
            "<region>",
            f"sample={folder}/{region.name}.wav",
            f"lokey={lowest} hikey={highest} pitch_keycenter={region.key} tune={region.tune}",
            f"lovel={softest} hivel={loudest}",
        ]
        if region.loop:
            lines.append(f"loop_mode=loop_continuous loop_start={region.loop[0]} loop_end={region.loop[1] - 1}")
        elif region.drum:
            lines.append("loop_mode=one_shot pitch_keytrack=0")
            if region.drum.group:  # with this mode the release that fades it is heard
                lines.append(f"group={region.drum.group} off_by={region.drum.group} off_mode=normal")
        else:
            lines.append("loop_mode=no_loop")
    write_text(path, "\n".join(lines) + "\n")
