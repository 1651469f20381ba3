"""Milliseconds per note, there and back: `python -m benchmarks.transforms [--real DIR] [--write]`.

Ours: one batch of 64 notes. Theirs: the librosa or nsgt call that a user would otherwise write, note by note, on a few
of the same notes. Both take turns within each round, so that a busy machine slows both; medians over the rounds.
nsgt is compared where it is installed (CONTRIBUTING.md says how).
"""

import argparse
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audio_transforms import AudioTransform, build_transform
from benchmarks.results import show_section
from data.audio_io import read_audio
from data.note_dataset import fade_window
from data.sampling import evenly_spaced
from evaluation.floor.signal_distances import snr_db
from utils.config import TRANSFORM_CONFIGS

Array = npt.NDArray[Any]

RATE = 16_000
BATCH = 64
LEAST_MS = 100
STFT = {"fft_size": 1024, "win_size": 1024, "hop_size": 256, "n_frames": 64, "keep_dc": True}
MEL = {"fft_size": 2048, "win_size": 1024, "hop_size": 256, "n_frames": 64}
SECTION = "## Transforms"


@dataclass(frozen=True)
class Rival:
    """The calls of another package: wave (n_samples,) -> image, image -> wave."""

    package: str
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]


@dataclass(frozen=True)
class Case:
    """A representation at one geometry, and what it is compared with."""

    name: str
    keys: dict[str, Any]
    rival: Callable[[int], Rival] | None = None


@dataclass(frozen=True)
class Row:
    """Medians in milliseconds per note; quality of both inverses, in the case's own measure."""

    case: Case
    ours: Array  # (2,): forward, inverse
    theirs: Array | None
    package: str
    quality: tuple[float, float | None]
    measure: str


def stft_rival(n_samples: int) -> Rival:
    """The complex STFT of librosa."""
    sizes = {"n_fft": 1024, "hop_length": 256}
    return Rival(
        "librosa",
        lambda wave: librosa.stft(wave, pad_mode="reflect", **sizes),
        lambda spectrum: librosa.istft(spectrum, length=n_samples, hop_length=256),
    )


def polar(spectrum: Array) -> Array:
    """Log-magnitude and instantaneous frequency in NumPy, as published."""
    magnitude, phase = np.abs(spectrum), np.angle(spectrum)
    turned = np.unwrap(phase, axis=1)
    frequency = np.concatenate([phase[:, :1], np.diff(turned, axis=1)], axis=1) / np.pi
    return np.stack([np.log(magnitude + 1e-10), frequency])


def from_polar(image: Array) -> Array:
    """Inverse of `polar`."""
    return (np.exp(image[0]) - 1e-10) * np.exp(1j * np.cumsum(image[1] * np.pi, axis=1))


def through_polar(inner: Rival) -> Rival:
    """`inner` with its coefficients as log-magnitude and instantaneous frequency."""
    return Rival(inner.package, lambda wave: polar(inner.forward(wave)), lambda image: inner.inverse(from_polar(image)))


def mel_rival(n_samples: int) -> Rival:
    """Mel power by librosa, and NNLS with 100 iterations of Griffin-Lim back, as published."""
    sizes = {"n_fft": 2048, "hop_length": 256, "win_length": 1024}
    return Rival(
        "librosa",
        lambda wave: librosa.feature.melspectrogram(y=wave, sr=RATE, pad_mode="reflect", **sizes),
        lambda power: librosa.feature.inverse.mel_to_audio(power, sr=RATE, n_iter=100, length=n_samples, **sizes),
    )


def mfcc_rival(n_samples: int) -> Rival:
    """The 128 cepstral coefficients of librosa, and back, as published."""
    sizes = {"n_fft": 2048, "hop_length": 256, "win_length": 1024, "n_mels": 128}
    return Rival(
        "librosa",
        lambda wave: librosa.feature.mfcc(y=wave, sr=RATE, n_mfcc=128, pad_mode="reflect", **sizes),
        lambda image: librosa.feature.inverse.mfcc_to_audio(image, sr=RATE, n_iter=100, length=n_samples, **sizes),
    )


def cqt_rival(n_samples: int, hop_length: int) -> Rival:
    """The constant-Q transform of librosa."""
    return Rival(
        "librosa",
        lambda wave: librosa.cqt(wave, sr=RATE, hop_length=hop_length, n_bins=84),
        lambda spectrum: librosa.icqt(spectrum.astype(np.complex64), sr=RATE, hop_length=hop_length, length=n_samples),
    )


def nsgt_rival(n_samples: int) -> Rival:
    """The nsgt package's matrix form of all bands."""
    from benchmarks.nsgt_package import load_nsgt

    nsgt = load_nsgt()
    both = nsgt.NSGT(nsgt.LogScale(20, RATE / 2, 96), RATE, n_samples, real=False, matrixform=True)
    return Rival(
        "nsgt", lambda wave: np.stack(both.forward(wave)), lambda spectrum: np.real(both.backward(list(spectrum)))
    )


CASES = [
    Case("waveform", {"audio_length": 16_000}),
    Case("stft", STFT, stft_rival),
    Case("mag-if", STFT, lambda n: through_polar(stft_rival(n))),
    Case("mag-pghi", STFT),
    Case("if-mel", {"fft_size": 2048, "win_size": 2048, "hop_size": 512, "n_frames": 32}),
    Case("mel", MEL, mel_rival),
    Case("mfcc", MEL | {"n_mfcc": 128}, mfcc_rival),
    Case("cqt", {"hop_size": 512, "n_frames": 32}, lambda n: through_polar(cqt_rival(n, 512))),
    Case("cqt", {"hop_size": 128, "n_frames": 128}, lambda n: through_polar(cqt_rival(n, 128))),
    Case("cq-nsgt", {"audio_length": 16_000}, lambda n: through_polar(nsgt_rival(n))),
]


def measure(case: Case, notes: Array, rounds: int, rival_notes: int) -> Row:
    """Time `case` on waves (BATCH, samples), of which the rival gets the first `rival_notes`."""
    config = TRANSFORM_CONFIGS[case.name].model_validate({"transform": case.name, "sample_rate": RATE} | case.keys)
    transform = build_transform(config)
    waves = notes[:, : transform.n_samples] * fade_window(transform.n_samples)
    batch = torch.from_numpy(waves.astype(np.float32))
    rival = rival_of(case, transform.n_samples)
    few = list(waves[:rival_notes].astype(np.float32))
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with torch.inference_mode():
        transform.inverse(transform(batch))
        for _ in range(rounds):
            forward, image = clocked(lambda: transform(batch))
            inverse, restored = clocked(lambda image=image: transform.inverse(image))
            ours.append((forward / BATCH, inverse / BATCH))
            if rival:
                forward, images = clocked(lambda: [rival.forward(wave) for wave in few])
                inverse, sounds = clocked(lambda images=images: [rival.inverse(one) for one in images])
                theirs.append((forward / len(few), inverse / len(few)))
    judged, measure_name = quality_of(transform, case.name)
    their_quality = judged(batch[: len(few)], torch.from_numpy(np.stack(sounds)).float()) if rival else None
    return Row(
        case,
        np.median(ours, axis=0),
        np.median(theirs, axis=0) if rival else None,
        rival.package if rival else "",
        (judged(batch[: len(few)], restored[: len(few)]), their_quality),
        measure_name,
    )


def rival_of(case: Case, n_samples: int) -> Rival | None:
    """What `case` is compared with, if it is installed."""
    if case.rival is None or (case.name == "cq-nsgt" and importlib.util.find_spec("nsgt") is None):
        return None
    return case.rival(n_samples)


def clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    """(milliseconds, result) of `work`, on average over as often as fits LEAST_MS."""
    start = time.perf_counter()
    times = 0
    while times == 0 or 1000 * (time.perf_counter() - start) < LEAST_MS:
        result = work()
        times += 1
    return 1000 * (time.perf_counter() - start) / times, result


def quality_of(transform: AudioTransform, name: str) -> tuple[Callable[[Tensor, Tensor], float], str]:
    """How far a restored sound is from the note: log-mel error where the phase was made up, else SNR."""
    if name not in ("mel", "mfcc", "mag-pghi"):
        return lambda wave, restored: float(snr_db(wave, restored).median()), "SNR, dB"
    mel = build_transform(TRANSFORM_CONFIGS["mel"].model_validate({"transform": "mel"} | MEL))

    def log_mel_error(wave: Tensor, restored: Tensor) -> float:
        before, after = mel(wave), mel(restored)
        floor = before.amax(dim=(2, 3), keepdim=True) * 1e-8
        return float(10 * torch.log10(after.maximum(floor) / before.maximum(floor)).abs().mean())

    return log_mel_error, "log-mel error, dB"


def read_notes(folder: Path | None) -> Array:
    """BATCH waves of 16 384 samples: notes of `folder`, evenly over its files, or decaying harmonic tones."""
    if folder is not None:
        paths = sorted(folder.rglob("*.wav"))
        chosen = [paths[k] for k in evenly_spaced(len(paths), BATCH)]
        return np.stack([librosa.util.fix_length(read_audio(path, RATE)[:16_384], size=16_384) for path in chosen])
    random = np.random.default_rng(0)
    seconds = np.arange(16_384) / RATE
    pitches = 440 * 2 ** ((random.integers(40, 80, size=BATCH) - 69) / 12)
    partials = np.arange(1, 11)[:, None]
    tones = [
        (np.sin(2 * np.pi * pitch * partials * seconds + random.uniform(0, 6.28, (10, 1))) / partials).sum(axis=0)
        * np.exp(-random.uniform(0, 5) * seconds)
        for pitch in pitches
    ]
    return 0.2 * np.stack(tones)


def table(rows: list[Row], args: argparse.Namespace) -> str:
    """The section of RESULTS.md."""
    command = "python -m benchmarks.transforms" + (" --real DIR" if args.real else "") + " --write"
    source = f"{BATCH} notes of {args.real.name}" if args.real else f"{BATCH} made-up harmonic tones"
    lines = [
        SECTION,
        "",
        f"`{command}`: milliseconds per note. Ours in one batch of {BATCH}, theirs note by note "
        f"on {args.rival_notes} of them; medians of {args.rounds} rounds, taking turns of {LEAST_MS} ms or more. "
        f"{source}; {os.cpu_count()} {platform.machine()} cores, shared; Python {platform.python_version()}, "
        f"torch {torch.__version__}, librosa {librosa.__version__}.",
        "",
        "| representation | keys | forward: ours | theirs | ratio | inverse: ours | theirs | ratio "
        "| quality: ours | theirs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(line_of(row) for row in rows)]) + "\n"


def line_of(row: Row) -> str:
    """One line of the table."""
    keys = ", ".join(f"{key} {value}" for key, value in row.case.keys.items() if key not in ("keep_dc", "audio_length"))
    cells = [f"`{row.case.name}`", keys]
    for place in range(2):
        cells.append(f"{row.ours[place]:.2f}")
        cells += (
            [f"{row.theirs[place]:.1f} ({row.package})", f"{row.theirs[place] / row.ours[place]:.1f}×"]
            if row.theirs is not None
            else ["", ""]
        )
    ours, theirs = row.quality
    cells += [f"{ours:.2f} ({row.measure})", "" if theirs is None else f"{theirs:.2f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder of 16 kHz notes; else made-up tones")
    parser.add_argument("--only", nargs="+", help="representations to measure; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rival-notes", type=int, default=8)
    parser.add_argument("--write", action="store_true", help="replace the section of RESULTS.md")
    args = parser.parse_args()
    notes = read_notes(args.real)
    chosen = [case for case in CASES if not args.only or case.name in args.only]
    rows = [measure(case, notes, args.rounds, args.rival_notes) for case in chosen]
    text = table(rows, args)
    show_section(SECTION, text, write=args.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
