"""A trained run as an instrument; everything it needs is in the run folder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from audio_transforms import AudioTransform, build_transform, with_affine
from data.attributes import AttributeTable
from data.audio_io import read_audio
from data.nsynth import Value, value_in_words
from generation.asked_attributes import known_attributes
from generation.controlled_latents import controlled
from generation.label_offsets import LabelOffsets
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.synthesis import Wave, fit_full_scale, synthesise_conditions
from generation.tuning.learned import learned_for, ratio_of
from generation.tuning.resampling import at_ratio
from models.checkpoint import FOLDER as CHECKPOINTS
from models.checkpoint import experiment_of, find_checkpoint, in_brief, load_checkpoint
from models.conditions import conditioned
from models.hub import local_run
from models.networks import Networks, build_networks
from models.noise import Purpose, normal_rows, uniform_rows
from models.shared_generator import is_shared
from utils.arguments import LATENT_SCALES, MAX_SEED, MOST_TRUNCATION
from utils.config import ExperimentConfig
from utils.device import choose_device
from utils.errors import CheckpointError, DataError, UserError
from utils.files import sha256_of_file
from utils.note_names import exact_pitch
from utils.spelling import counted

if TYPE_CHECKING:
    from generation.finding.search import FoundNote

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Instrument:
    """A trained generator that can be played, with the config and the seed of its training."""

    experiment: ExperimentConfig
    training_seed: int
    checkpoint: Path
    networks: Networks
    transform: AudioTransform
    table: AttributeTable
    scale: int
    alpha: float
    step: int
    device: torch.device

    @classmethod
    def from_run(cls, run_folder: Path, *, scale: int | None, iteration: int | None, device: torch.device) -> Self:
        """The newest checkpoint of the run, or that of `scale` and `iteration`. Raises: CheckpointError."""
        path = find_checkpoint(run_folder, scale, iteration)
        saved = load_checkpoint(path)
        experiment = experiment_of(saved, path)
        table = AttributeTable.from_plain(saved["attributes"])
        try:
            transform = with_affine(build_transform(experiment.transform), saved["affine"]).to(device)
            networks = build_networks(
                experiment.model, transform.shape, table.sizes, seed=saved["seed"], device=torch.device("cpu")
            )
            networks.ema.load_state_dict(saved["ema"])
            _require_place(saved, networks, transform)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path}: does not fit its own config ({in_brief(error)}); use another checkpoint"
            ) from error
        networks.ema.to(device)
        place = {"scale": saved["scale"], "alpha": saved["alpha"], "step": saved["step"]}
        return cls(experiment, saved["seed"], path, networks, transform, table, **place, device=device)

    @property
    def run_name(self) -> str:
        """Name of the run, as in its config."""
        return self.experiment.name

    @property
    def run_folder(self) -> Path:
        """Where the run is, with its card if it has one."""
        folder = self.checkpoint.parent
        return folder.parent if folder.name == CHECKPOINTS and not is_shared(self.checkpoint) else folder

    @property
    def sample_rate(self) -> int:
        """Sample rate of the notes in Hz."""
        return self.transform.sample_rate

    def note(
        self,
        *,
        seed: int = 0,
        latent: npt.NDArray[np.floating] | None = None,
        label_offsets: LabelOffsets | None = None,
        pitch: float | None = None,
        truncation: float | None = None,
        keep_norm: bool = False,
        latent_scale: float | None = None,
        **attributes: Value,
    ) -> Wave:
        """One note as float32 samples (n_samples,) in [-1, 1] at `sample_rate`.

        The samples are those that `generate.py random` writes for the same seed, MIDI pitch, attributes (such as
        `instrument_family="flute"` or `brightness=900`) and controls of the latent, before they are rounded to 16 bits:
        a note beyond full scale is turned down, every other one keeps its level. The seed draws the pitch and the
        attributes that are not given. A pitch with decimals is that of the nearest learned note, resampled. A `latent`
        (latent_dim,), such as that of `find`, takes the place of the seed's; `label_offsets` go with it.
        Raises: UserError if a number is out of range, or the run has not learned the pitch or an attribute.
        """
        _require_seed(seed)
        if truncation is not None and not 0 < truncation <= MOST_TRUNCATION:
            raise UserError(f"truncation {truncation:g}: must be above 0 and at most {MOST_TRUNCATION:g}")
        if keep_norm and truncation is None:
            raise UserError("keep_norm goes with a truncation; give one, or leave keep_norm out")
        lowest, highest = LATENT_SCALES
        if latent_scale is not None and not lowest <= latent_scale <= highest:
            raise UserError(f"latent_scale {latent_scale:g}: must be from {lowest:g} to {highest:g}")
        asked = [(name, [value_in_words(name, value)]) for name, value in attributes.items()]
        fixed = {name: values[0] for name, values in known_attributes(self.run_name, self.table, asked).items()}
        ratio = 1.0
        if pitch is not None:
            fixed["pitch"] = learned = self.learned_pitch(pitch)
            ratio = ratio_of(exact_pitch(pitch) - learned)
        if latent is None and label_offsets is not None:
            raise UserError("label_offsets go with a latent; give that of the found note, or leave them out")
        controls = LatentControls(truncation, keep_norm, latent_scale)
        given = self.latent(seed, controls) if latent is None else controlled(self._checked(latent), controls)
        (wave,) = self.sound(self.conditions(given, self.labels(seed, fixed), label_offsets))
        return fit_full_scale(at_ratio(wave, ratio, self.sample_rate))[0]

    def find(
        self,
        sound: str | Path | npt.NDArray[np.floating],
        *,
        pitch: int | None = None,
        seed: int = 0,
        starts: int = 16,
        steps: int = 80,
        **attributes: Value,
    ) -> "FoundNote":
        """The note nearest to `sound`, a file or samples (n,) at `sample_rate`; see `generation.finding.search`.

        It is the one that `generate.py find` writes for the same numbers. `pitch` and `attributes` fix what the note
        must have; else the pitch is heard, and all values of the others are tried. Its `latent`, `label_offsets` and
        `attributes` are keywords of `note`.
        Raises: UserError if the sound cannot be read or is silent, or a value was not learned.
        """
        from generation.finding.search import SearchSettings, find_note  # which is built on this class

        asked = [(name, [value_in_words(name, value)]) for name, value in attributes.items()]
        fixed = {name: values[0] for name, values in known_attributes(self.run_name, self.table, asked).items()}
        if pitch is not None:
            fixed["pitch"] = self.learned_pitch(pitch)
        _require_seed(seed)
        if isinstance(sound, str | Path):
            name, samples = str(sound), read_audio(Path(sound), self.sample_rate)
        else:
            name, samples = "sound", np.asarray(sound, dtype=np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise UserError(f"sound of shape {samples.shape}: must be (n,) samples that are finite")
        if min(starts, steps) < 1:
            raise UserError(f"starts {starts}, steps {steps}: must be 1 or more")
        return find_note(self, samples, name, fixed, SearchSettings(seed, starts, steps))

    def _checked(self, latent: npt.NDArray[np.floating]) -> Tensor:
        numbers = torch.from_numpy(np.asarray(latent, dtype=np.float32))
        if numbers.shape != (self.networks.ema.latent_dim,) or not numbers.isfinite().all():
            length = self.networks.ema.latent_dim
            raise UserError(f"latent of shape {tuple(numbers.shape)}: must be ({length},), of finite numbers")
        return numbers[None]

    def latent(self, seed: int, controls: LatentControls = NO_CONTROLS) -> Tensor:
        """The latent (1, latent_dim) of `seed`, after the `controls`."""
        return controlled(normal_rows(seed, Purpose.GENERATION_LATENT, 0, 1, self.networks.ema.latent_dim), controls)

    def labels(self, seed: int, fixed: Mapping[str, Value]) -> Tensor:
        """Labels (1, n_attributes): those of `fixed`; the `seed` draws every other attribute uniformly.

        A quantity is drawn from the values of the training notes. Raises: ValueError if `fixed` has a value that was
        not learned.
        """
        draws = uniform_rows(seed, Purpose.GENERATION_LABEL, 0, 1, len(self.table.values))[0].tolist()
        picked = [self.table.drawn_label(name, draw) for name, draw in zip(self.table.names, draws, strict=True)]
        for column, name in enumerate(self.table.names):
            if name in fixed:
                label = self.table.label_of(name, fixed[name])
                if label is None:
                    raise ValueError(f"{name} {fixed[name]!r} was not learned")
                picked[column] = label
        return torch.tensor([picked], dtype=torch.int64)

    def play(self, seeds: Sequence[int], labels: Tensor, controls: LatentControls = NO_CONTROLS) -> list[Wave]:
        """One wave (n_samples,) for each seed, with its row of `labels` (len(seeds), n_attributes)."""
        latents = torch.cat([self.latent(seed, controls) for seed in seeds])
        return self.sound(self.conditions(latents, labels))

    def conditions(self, latent: Tensor, labels: Tensor, offsets: LabelOffsets | None = None) -> Tensor:
        """Latents (B, latent_dim) and labels (B, n_attributes) -> input of the generator (B, latent_dim + C).

        `offsets` are added to the one-hots of all. Raises: DataError if they are not those of this run.
        """
        conditions = conditioned(latent, labels, self.networks.n_values)
        if offsets is not None:
            pitches = [self.values_of(row).get("pitch") for row in labels]
            added = [offsets.at_pitch(self.table.values, pitch) for pitch in pitches]
            conditions[:, latent.shape[1] :] += torch.tensor(added, dtype=conditions.dtype)
        return conditions

    def sound(self, conditions: Tensor) -> list[Wave]:
        """Conditions (B, latent_dim + C) -> B waves (n_samples,) at `sample_rate`. Raises: UserError."""
        return synthesise_conditions(
            self.networks.ema, self.transform, conditions, scale=self.scale, alpha=self.alpha, device=self.device
        )

    def values_of(self, labels: Tensor) -> dict[str, Value]:
        """Attribute -> value of one row of labels (n_attributes,)."""
        pairs = zip(self.table.names, labels.tolist(), strict=True)
        return {name: self.table.value_of(name, label) for name, label in pairs}

    def require_pitches(self, pitches: Sequence[float]) -> None:
        """Raise UserError unless the run learned every one of `pitches`, or one at most half a semitone away."""
        for pitch in pitches:
            self.learned_pitch(pitch)

    def learned_pitch(self, pitch: float) -> int:
        """The learned pitch that makes `pitch`: the nearest, at most half a semitone away. Raises: UserError."""
        known = self.table.values.get("pitch")
        if known is None:
            raise UserError(f"pitch: {self.run_name} was not conditioned on pitch; leave the pitch out")
        learned = learned_for(exact_pitch(pitch), [int(each) for each in known])
        if learned is None:
            far = "not among" if float(pitch).is_integer() else "more than half a semitone from"
            raise UserError(
                f"pitch {pitch}: {far} the {counted(len(known), 'pitch', 'pitches')} that {self.run_name} "
                f"learned ({known[0]} to {known[-1]}); choose from them"
            )
        return learned

    def require_own_card(self, card: Mapping[str, Any], where: str) -> None:
        """Raise DataError unless `card`, read from `where`, was made by this checkpoint."""
        if card.get("checkpoint_sha256") != sha256_of_file(self.checkpoint):
            raise DataError(
                f"{where}: made by another checkpoint ({str(card.get('checkpoint'))[:40]} of "
                f"{str(card.get('run'))[:40]}), not by {self.checkpoint.name} of {self.run_name}; choose that run and "
                "checkpoint"
            )
        if card.get("torch") != torch.__version__:
            text = "%s: made with torch %s, this is %s: the last bits may differ"
            logger.warning(text, where, card.get("torch"), torch.__version__)

    def to_plain(self) -> dict[str, Any]:
        """Run, checkpoint and versions that the sound comes from, as JSON values."""
        return {
            "run": self.run_name,
            "checkpoint": self.checkpoint.name,
            "checkpoint_sha256": sha256_of_file(self.checkpoint),
            "scale": self.scale,
            "alpha": self.alpha,
            "step": self.step,
            "weights": "running average of the generator",
            "sample_rate": self.sample_rate,
            "torch": torch.__version__,
        }


def load_instrument(
    run: str | Path, *, scale: int | None = None, iteration: int | None = None, device: str = "auto"
) -> Instrument:
    """The trained run in the folder `run`, at its newest checkpoint or at that of `scale` and `iteration`.

    `run` may be `hf://OWNER/NAME`, which is pulled from the Hub (`models.hub`). `device` is auto, cpu, cuda,
    cuda:1 or mps. Raises: UserError if there is no such run, checkpoint or device.
    """
    return Instrument.from_run(local_run(run), scale=scale, iteration=iteration, device=choose_device(device))


def _require_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed {seed}: must be from 0 to {MAX_SEED}")


def _require_place(saved: Mapping[str, Any], networks: Networks, transform: AudioTransform) -> None:
    affine = saved["affine"]
    if affine and {len(affine["scale"]), len(affine["shift"])} != {transform.shape[0]}:
        raise ValueError(f"its scaling is not that of {transform.shape[0]} channels")
    if saved["scale"] >= len(networks.sizes):
        raise ValueError(f"scale {saved['scale']} of {len(networks.sizes)}")
