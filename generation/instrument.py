"""Notes from a trained run: everything needed is in the run folder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from audio_transforms import AudioTransform, build_transform, with_affine
from data.attributes import AttributeTable
from data.nsynth import Value
from generation.synthesis import Wave, synthesise_conditions
from models.checkpoint import find_checkpoint, in_brief, load_checkpoint
from models.networks import Networks, build_networks, conditioned
from models.noise import Purpose, normal_rows, truncated, uniform_rows
from utils.config_file import parse_experiment
from utils.errors import CheckpointError, DataError, UserError
from utils.files import sha256_of_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Instrument:
    """A trained generator that can be played."""

    run_name: str
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
        experiment = parse_experiment(saved["config"], str(path))
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
        return cls(experiment.name, path, networks, transform, table, **place, device=device)

    def latent(self, seed: int, truncation: float | None = None) -> Tensor:
        """The latent (1, latent_dim) that belongs to `seed`, each of its numbers kept within +- `truncation`.

        Truncated numbers have the normal distribution between these bounds: each is the seed's own quantile of it, so
        that a smaller bound moves all numbers towards 0, and a large one changes nothing. None: no bound.
        Source of the use: Brock et al. 2019, BigGAN, section 3.1, where numbers out of bounds are drawn anew instead.
        """
        latent = normal_rows(seed, Purpose.GENERATION_LATENT, 0, 1, self.networks.ema.latent_dim)
        return latent if truncation is None else truncated(latent, truncation)

    def labels(self, seed: int, fixed: Mapping[str, Value]) -> Tensor:
        """Labels (1, n_attributes): those `fixed`, every other attribute drawn evenly by `seed`."""
        sizes = self.table.sizes
        draws = uniform_rows(seed, Purpose.GENERATION_LABEL, 0, 1, len(sizes))[0].tolist()
        picked = [min(int(draw * size), size - 1) for draw, size in zip(draws, sizes, strict=True)]
        for column, (name, values) in enumerate(self.table.values.items()):
            if name in fixed:
                picked[column] = values.index(fixed[name])
        return torch.tensor([picked], dtype=torch.int64)

    def play(self, seeds: Sequence[int], labels: Tensor, truncation: float | None = None) -> list[Wave]:
        """One wave (n_samples,) for each seed, with its row of `labels` (len(seeds), n_attributes)."""
        latents = torch.cat([self.latent(seed, truncation) for seed in seeds])
        return self.sound(self.conditions(latents, labels))

    def conditions(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Latents (B, latent_dim) and labels (B, n_attributes) -> what the generator gets (B, latent_dim + C)."""
        return conditioned(latent, labels, self.networks.n_values)

    def sound(self, conditions: Tensor) -> list[Wave]:
        """Conditions (B, latent_dim + C) -> B waves (n_samples,) at the transform's rate. Raises: UserError."""
        return synthesise_conditions(
            self.networks.ema, self.transform, conditions, scale=self.scale, alpha=self.alpha, device=self.device
        )

    def values_of(self, labels: Tensor) -> dict[str, Value]:
        """Attribute -> value of one row of labels (n_attributes,)."""
        pairs = zip(self.table.values.items(), labels.tolist(), strict=True)
        return {name: values[index] for (name, values), index in pairs}

    def require_pitches(self, pitches: Sequence[int]) -> None:
        """Raise UserError unless the run was trained on every one of `pitches`."""
        known = self.table.values.get("pitch")
        if known is None:
            raise UserError(f"--pitch: {self.run_name} was not conditioned on pitch; leave --pitch out")
        foreign = [pitch for pitch in pitches if pitch not in known]
        if foreign:
            raise UserError(
                f"--pitch {foreign[0]}: not among the {len(known)} pitches that {self.run_name} learned "
                f"({known[0]} to {known[-1]}); choose from them"
            )

    def require_own_card(self, card: Mapping[str, Any], where: str) -> None:
        """Raise DataError unless `card`, read from `where`, is of a note of this checkpoint."""
        if card.get("checkpoint_sha256") != sha256_of_file(self.checkpoint):
            raise DataError(
                f"{where}: made by another checkpoint ({str(card.get('checkpoint'))[:40]} of "
                f"{str(card.get('run'))[:40]}), not by {self.checkpoint.name} of {self.run_name}; choose that one by "
                "-d, -s and -i"
            )
        if card.get("torch") != torch.__version__:
            text = "%s: made with torch %s, this is %s: the last bits may differ"
            logger.warning(text, where, card.get("torch"), torch.__version__)

    def to_plain(self) -> dict[str, Any]:
        """Where the sound comes from, as JSON values."""
        return {
            "run": self.run_name,
            "checkpoint": self.checkpoint.name,
            "checkpoint_sha256": sha256_of_file(self.checkpoint),
            "scale": self.scale,
            "alpha": self.alpha,
            "step": self.step,
            "weights": "running average of the generator",
            "sample_rate": self.transform.sample_rate,
            "torch": torch.__version__,
        }


def _require_place(saved: Mapping[str, Any], networks: Networks, transform: AudioTransform) -> None:
    affine = saved["affine"]
    if affine and {len(affine["scale"]), len(affine["shift"])} != {transform.shape[0]}:
        raise ValueError(f"its scaling is not that of {transform.shape[0]} channels")
    if saved["scale"] >= len(networks.sizes):
        raise ValueError(f"scale {saved['scale']} of {len(networks.sizes)}")
