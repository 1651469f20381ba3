"""Training of a classifier: seeded steps, validation on unseen instruments, early stopping, and resuming."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from evaluation.classifier.augmentation import augmented
from evaluation.classifier.labelled_notes import LabelledNotes, drawing_odds
from evaluation.classifier.tasks import PITCH, UNLABELLED, Task
from evaluation.embeddings.semitone_spectrogram import transposed
from evaluation.embeddings.weights import fit_weights
from models.checkpoint import write_torch_file
from models.restricted_unpickler import load_plain, why_unreadable
from utils.cli import LastingStderr, show_progress
from utils.errors import CheckpointError, TrainingDiverged
from utils.files import atomic_path

logger = logging.getLogger(__name__)

CHECKPOINT, VALIDATIONS = "checkpoint.pt", "validations.csv"
_HELD_OUT = "held-out instruments"
_BATCH = 64  # of notes that are judged
_TRANSPOSED_SHARE = 0.6
_SMOOTHING = {PITCH: 0.02}  # of labels; families are less clearly separated than pitches
_OTHER_SMOOTHING = 0.1
_WARM_UP = 100  # steps
_LARGEST_GRADIENT = 5.0
_WEIGHT_DECAY = 0.05
_AVERAGE_DECAY = 0.99


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast."""

    steps: int
    batch_size: int
    learning_rate: float
    validate_every: int  # steps; also between checkpoints
    patience: int  # validations without improvement before training stops


@dataclass(frozen=True)
class Pool:
    """Notes that batches are drawn from: `rows` of `notes`."""

    notes: LabelledNotes
    rows: npt.NDArray[np.int64]

    @cached_property
    def odds(self) -> npt.NDArray[np.float64]:
        """The `drawing_odds` of the rows."""
        return drawing_odds([self.notes.records[row] for row in self.rows])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Waves (count, n_samples) and labels (count,) by attribute."""
        rows = rng.choice(self.rows, count, p=self.odds)
        return self.notes.cache.waves(rows), {name: labels[rows] for name, labels in self.notes.learned.items()}


class ClassifierRun:
    """Trains the network of `task`; half of each batch comes from the first of `pools`, half from the others.

    Everything random in a step depends on the seed and the number of the step alone.
    """

    def __init__(
        self,
        task: Task,
        pools: Sequence[Pool],
        schedule: Schedule,
        *,
        seed: int,
        device: torch.device,
        precision: torch.dtype,
        held_out: tuple[LabelledNotes, npt.NDArray[np.int64]] | None,
        unheard: Sequence[LabelledNotes] = (),
    ) -> None:
        """`held_out` are notes and the rows of them to validate on; without them training does not stop early.

        `unheard` are notes that are judged at each validation and change nothing.
        """
        self.task, self.pools, self.schedule, self.seed = task, pools, schedule, seed
        self.device, self.precision, self.held_out, self.unheard = device, precision, held_out, unheard
        torch.manual_seed(seed)
        self.network = task.network().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        averaging = get_ema_multi_avg_fn(_AVERAGE_DECAY)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), schedule.learning_rate, weight_decay=_WEIGHT_DECAY
        )
        self.step = 0
        self.losses: list[dict[str, float]] = []
        self.judged: list[dict[str, int | float | str]] = []  # a row for each validation and set of notes
        self.best: dict[str, Any] = {}

    def begin_with(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Begin with the `weights` of the file `path`, which must be those of this network. Raises: UserError."""
        with torch.device("meta"):
            fitted = self.task.network()
        fit_weights(fitted, weights, path)
        # copied into the parameters that the optimiser knows; old files lack the counters of batch normalisation
        known = {name: tensor for name, tensor in fitted.state_dict().items() if not tensor.is_meta}
        for network in (self.network, self.average.module):
            network.load_state_dict(known, strict=False)

    @property
    def ended(self) -> bool:
        """Whether all steps are done, or the last validations brought no improvement."""
        stale = self.best and len(self.losses) - self.best["validation"] > self.schedule.patience
        return self.step >= self.schedule.steps or bool(stale)

    def train(self, folder: Path, identity: Mapping[str, Any], stop: Callable[[], bool]) -> bool:
        """Train to the end (True) or until `stop()` says so (False); checkpoints go to `folder`.

        Raises: TrainingDiverged.
        """
        pace = self.schedule.validate_every
        with tqdm(
            total=self.schedule.steps,
            initial=self.step,
            unit="step",
            disable=not show_progress(),
            leave=False,
            file=LastingStderr(),
        ) as bar:
            while not self.ended and not stop():
                loss = self._step()
                bar.update()
                bar.set_postfix_str(f"loss {loss:.3g}", refresh=False)
                if self.step % pace == 0 or self.step == self.schedule.steps:
                    self._validate(loss)
                    self.save(folder, identity)
        if not self.ended:
            self.save(folder, identity)
        return self.ended

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights of the best validation, or the last ones where nothing was held out."""
        best: dict[str, Tensor] = self.best.get("weights") or self.average.module.state_dict()
        return best

    @torch.inference_mode()
    def logits(self, notes: LabelledNotes, rows: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """Logits (len(rows), n_classes) of the averaged network by attribute, on the CPU."""
        network = self.average.module.eval()
        parts = []
        for start in range(0, len(rows), _BATCH):
            waves = notes.cache.waves(rows[start : start + _BATCH]).to(self.device)
            parts.append({name: found.cpu() for name, found in self._forward(network, self.task.images(waves)).items()})
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _step(self) -> float:
        rng = np.random.default_rng([self.seed, self.step])
        torch.manual_seed(int(rng.integers(2**62)))  # of dropout
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        waves, labels = self._batch(rng)
        with torch.no_grad():
            images, labels = self._transposed(self.task.images(augmented(waves, rng).to(self.device)), labels, rng)
        logits = self._forward(self.network.train(), images)
        loss = torch.stack([_loss(name, logits[name], labels[name].to(self.device)) for name in labels]).sum()
        if not torch.isfinite(loss):
            raise TrainingDiverged(f"step {self.step}: the loss is not finite; try a lower learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(loss.detach())

    def _learning_rate(self) -> float:
        """Linear warm-up, then half a cosine down to 0."""
        done = self.step / self.schedule.steps
        warm = min(1.0, (self.step + 1) / min(_WARM_UP, self.schedule.steps))
        return self.schedule.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        first, *others = self.pools
        size = self.schedule.batch_size
        share = size // 2 if others else size
        counts = rng.multinomial(size - share, [1 / len(others)] * len(others)).tolist() if others else []
        drawn = [pool.draw(n, rng) for pool, n in zip([first, *others], [share, *counts], strict=True) if n]
        labels = {name: torch.cat([part[name] for _, part in drawn]) for name in self.task.classes}
        return torch.cat([waves for waves, _ in drawn]), labels

    def _transposed(
        self, images: Tensor, labels: dict[str, Tensor], rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Some notes transposed, where the new pitch is a class too; their labels change with them."""
        reach = self.task.transposition
        if not reach or PITCH not in labels:
            return images, labels
        drawn = rng.integers(-reach, reach + 1, len(images)) * (rng.random(len(images)) < _TRANSPOSED_SHARE)
        semitones = torch.from_numpy(drawn)
        moved = labels[PITCH] + semitones
        inside = (moved >= 0) & (moved < len(self.task.classes[PITCH])) & (labels[PITCH] != UNLABELLED)
        semitones = torch.where(inside, semitones, 0)
        pitch = torch.where(inside, moved, labels[PITCH])
        return transposed(images, semitones.to(images.device)), {**labels, PITCH: pitch}

    def _forward(self, network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            logits = self.task.logits(network, images)
        return {name: found.float() for name, found in logits.items()}

    def _validate(self, training_loss: float) -> None:
        logger.info("step %d: training loss %.3f", self.step, training_loss)
        for notes in self.unheard:
            rows = np.arange(len(notes.cache))
            self._judge(notes.folder.name, self.logits(notes, rows), notes.labels)
        if self.held_out is None:
            return
        notes, rows = self.held_out
        logits, labels = self.logits(notes, rows), {name: label[rows] for name, label in notes.labels.items()}
        self._judge(_HELD_OUT, logits, labels)
        losses = {name: float(_loss(name, logits[name], labels[name])) for name in logits}
        self.losses.append(losses)
        total = sum(losses.values())
        if not self.best or total < self.best["loss"]:
            weights = {name: tensor.clone() for name, tensor in self.average.module.state_dict().items()}
            self.best = {"loss": total, "step": self.step, "validation": len(self.losses), "weights": weights}

    def _judge(self, notes: str, logits: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> None:
        """Note down and log the accuracy on `notes`."""
        right = {name: accuracy(logits[name], labels[name]) for name in logits}
        self.judged.append({"step": self.step, "notes": notes, **right})
        said = ", ".join(f"{name} {100 * share:.1f} %" for name, share in right.items())
        logger.info("step %d: %s: %s", self.step, notes, said)

    def save(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Write the checkpoint, whole or not at all. Raises: UserError if the disk is full."""
        state = {
            "identity": json.dumps(identity, sort_keys=True),
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "judged": self.judged,
            "best": self.best,
        }
        write_torch_file(folder / CHECKPOINT, state)
        if self.judged:
            with atomic_path(folder / VALIDATIONS) as temporary:
                pd.DataFrame(self.judged).to_csv(temporary, index=False, lineterminator="\r\n")

    def restore(self, folder: Path, identity: Mapping[str, Any]) -> bool:
        """Resume from the checkpoint in `folder`, if there is one.

        Raises: CheckpointError if it is damaged, or of a training with other notes or settings.
        """
        if not (folder / CHECKPOINT).exists():
            return False
        state, before = _read_checkpoint(folder)
        differing = sorted(key for key in identity.keys() | before.keys() if identity.get(key) != before.get(key))
        if differing:
            raise CheckpointError(
                f"{folder}: was started with another {', '.join(differing)}; give the same as then, or another folder"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.losses, self.best = state["step"], state["losses"], state["best"]
        self.judged = state["judged"]
        return True


def begun_with(folder: Path) -> dict[str, Any]:
    """The identity of the training whose checkpoint is in `folder`; empty if none is. Raises: CheckpointError."""
    return _read_checkpoint(folder)[1] if (folder / CHECKPOINT).exists() else {}


def _read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what the checkpoint holds, the identity in it)."""
    path = folder / CHECKPOINT
    try:
        state = load_plain(path)
        return state, dict(json.loads(state["identity"]))
    except Exception as error:  # a damaged file breaks torch's reader in many ways
        raise CheckpointError(
            f"{path}: not a readable checkpoint ({why_unreadable(error)}); remove it to start again"
        ) from error


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of correct notes among those that have a class; NaN if none has."""
    known = labels != UNLABELLED
    return float((logits.argmax(1) == labels)[known].float().mean())


def _loss(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with smoothed labels, over the notes that have a class; 0 if none has."""
    known = labels != UNLABELLED
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known], labels[known], label_smoothing=_SMOOTHING.get(name, _OTHER_SMOOTHING))
