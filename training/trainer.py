"""The training loop: steps, log and checkpoints, from which a run resumes exactly."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from audio_transforms import AudioTransform
from data.note_dataset import NoteStream
from models.checkpoint import in_brief, remove_old_checkpoints, save_checkpoint
from models.growth import GrowthSchedule, Phase
from training.pace import in_total, remaining_time
from training.preview import PreviewWriter
from training.training_scores import TrainingScorer
from training.training_step import Terms, TrainingStep, read
from utils.cli import LastingStderr, show_progress
from utils.device import on_device
from utils.errors import CheckpointError, TrainingDiverged
from utils.run_folder import FolderWatch
from utils.run_log import RunLog

logger = logging.getLogger(__name__)

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
"""Without tqdm's own remaining time, which assumes that the steps of all scales take equally long."""

_MOST_UNREAD = 1000
"""Steps after which the numbers are read from the GPU at the latest, however rarely they are logged."""


class Trainer:
    """Trains from `step` steps done to the end of the schedule.

    `identity` is what identifies the run (config, attribute values, seed, ...); it is stored with every checkpoint.
    Everything random is a function of the seed and the step, so nothing else needs to be stored. With several ranks,
    each has a trainer and draws its share of the notes; only rank 0 writes files, scores and previews.
    """

    def __init__(
        self,
        run_folder: Path,
        training: TrainingStep,
        transform: AudioTransform,
        draw: NoteStream,
        *,
        identity: Mapping[str, Any],
        save_every: int,
        log_every: int,
        preview: PreviewWriter | None,
        scores: TrainingScorer | None,
        scores_every: int,
    ) -> None:
        self.run_folder, self.training, self.transform, self.draw = run_folder, training, transform, draw
        self.identity, self.save_every, self.log_every, self.preview = dict(identity), save_every, log_every, preview
        self.scores, self.scores_every = scores, scores_every
        self.schedule = GrowthSchedule(training.config)
        self.step = 0
        self._saved_step = 0
        self._watch: FolderWatch | None = None  # while training, of the rank that writes
        self._unread: list[tuple[Phase, Terms]] = []  # steps whose numbers have not been read
        self._notes, self._seconds = 0, 0.0  # trained since the pace was last logged
        self._paces: dict[int, float] = {}  # notes per second, newest of each scale

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint. Raises: CheckpointError if it does not fit the networks."""
        self._load(self.training.networks.all() | self.training.optimizers(), state)
        self.training.align_moments()
        self.step = self._saved_step = state["step"]

    def begin_from(self, state: Mapping[str, Any], step: int) -> None:
        """Begin at `step` with the networks of another run's checkpoint. Raises: CheckpointError if they do not fit."""
        self._load(self.training.networks.all(), state)
        self.step = step

    def _load(self, parts: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        try:
            for name, part in parts.items():
                part.load_state_dict(state[name])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{self.run_folder}: the checkpoint does not fit the networks ({in_brief(error)})"
            ) from error

    def train(self, stop: Callable[[], bool], after_step: Callable[[], None] = lambda: None) -> bool:
        """Train until the schedule ends (True), or until `stop()` is true between two steps (False); save either way.

        `after_step()` is called after each step, once its log, checkpoint and preview are written.
        If `stop()` is true on one rank, all ranks stop after the same step.
        Raises: TrainingDiverged; the weights and the last checkpoint stay as they were. RankLost; the last checkpoint
        stays. CheckpointError if the run folder is removed or renamed meanwhile.
        """
        log = RunLog(self.run_folder, self.step) if self.training.ranks.leads else None
        self._watch = FolderWatch(self.run_folder) if log else None
        with self._watch.blamed() if self._watch else nullcontext():
            try:
                self._steps(log, stop, after_step)
            finally:
                if log:
                    log.close()
            if self.step > self._saved_step:
                self._read()
                self._save(self.schedule.at(self.step - 1))
        return self.step == self.schedule.total_steps

    def _steps(self, log: RunLog | None, stop: Callable[[], bool], after_step: Callable[[], None]) -> None:
        total, ranks = self.schedule.total_steps, self.training.ranks
        with tqdm(
            total=total,
            initial=self.step,
            unit="step",
            disable=not show_progress(),
            leave=False,
            bar_format=_BAR,
            file=LastingStderr(),
        ) as bar:
            while self.step < total and not ranks.any(stop()):
                if self._watch:
                    self._watch.require()
                self._step(log, bar)
                after_step()

    def _step(self, log: RunLog | None, bar: "tqdm[None]") -> None:
        phase = self.schedule.at(self.step)
        last_of_scale = phase.iteration + 1 == self.training.config.max_iter_at_scale[phase.scale]
        logs = self.step % self.log_every == 0
        scores = self.scores is not None and (self.step + 1) % self.scores_every == 0
        saves = (self.step + 1) % self.save_every == 0 or last_of_scale
        started = time.perf_counter()
        terms = self._train(phase, look=logs or scores or saves)
        if phase.iteration == 0:
            self._notes, self._seconds = 0, 0.0  # the pace of the scale before does not apply here
        self._notes += phase.batch_size
        self._seconds += time.perf_counter() - started
        if log and logs:
            place = {"scale": phase.scale, "iteration": phase.iteration, "alpha": phase.alpha}
            pace = self._paces[phase.scale] = self._notes / self._seconds
            self._notes, self._seconds = 0, 0.0
            log.write(self.step, {**place, **terms, "notes_per_second": pace})
            bar.set_postfix_str(self._progress(phase, pace, terms), refresh=False)
        self.step += 1
        bar.update()
        # before the checkpoint: a killed run resumes after it, and would never compute these scores
        if log and self.scores and scores and (found := self.scores(phase)):
            log.write_scores(self.step - 1, {"scale": phase.scale, "alpha": phase.alpha, **found})
        if saves:
            self._save(phase)
            if log and self.preview:
                self.preview(phase, self.step, log.tensorboard)

    def _train(self, phase: Phase, *, look: bool) -> Mapping[str, float]:
        """Do the step at `phase`. Returns its numbers if asked to `look`: on a GPU, reading them waits for the step."""
        self._unread.append((phase, {}))
        try:
            self._unread[-1] = (phase, self.training.launch(phase, *self._real(phase)))
        except TrainingDiverged as error:
            raise self._explained(error, len(self._unread) - 1) from error
        if look or self.training.looks_at_once or len(self._unread) >= _MOST_UNREAD:
            return self._read()
        return {}

    def _read(self) -> Mapping[str, float]:
        """The numbers of the last step; those of all unread steps are checked. Raises: TrainingDiverged."""
        if not self._unread:
            return {}
        try:
            numbers = read([terms for _, terms in self._unread])
        except TrainingDiverged as error:
            raise self._explained(error, error.place) from error
        self._unread.clear()
        return numbers[-1]

    def _explained(self, error: TrainingDiverged, place: int) -> TrainingDiverged:
        phase, _ = self._unread[place]
        step = self.schedule.steps_done(phase.scale, phase.iteration)
        return TrainingDiverged(
            f"{self.run_folder}: step {step} (scale {phase.scale}, iteration {phase.iteration}): {error}; the last "
            "checkpoint is kept; try a lower baseLearningRate"
        )

    def _progress(self, phase: Phase, pace: float, terms: Mapping[str, float]) -> str:
        left = remaining_time(self.training.config, self.step + 1, self._paces)
        losses = f"d {terms['d_total']:.3g} g {terms['g_total']:.3g}"
        return f"{pace:.3g} notes/s, scale {phase.scale}: {left[phase.scale]} left, all: {in_total(left)}, {losses}"

    def _real(self, phase: Phase) -> tuple[Tensor, Tensor]:
        drawn = [self.draw(notes.start, len(notes)) for notes in self.training.own_notes(phase)]
        waves, labels = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        device = self.training.device
        with torch.no_grad():
            images: Tensor = self.transform(on_device(waves, device))
        return images, on_device(labels, device)

    def _save(self, phase: Phase) -> None:
        training = self.training
        self._saved_step = self.step
        if not training.ranks.leads:
            return
        if self._watch:
            self._watch.require()
        parts = {name: network.state_dict() for name, network in training.networks.all().items()}
        parts |= {name: optimizer.state_dict() for name, optimizer in training.optimizers().items()}
        place = {"scale": phase.scale, "iteration": phase.iteration + 1, "alpha": phase.alpha, "step": self.step}
        path = save_checkpoint(self.run_folder, {**self.identity, **place, **parts})
        remove_old_checkpoints(self.run_folder, training.config.keep_checkpoints)
        logger.debug("saved %s", path)
