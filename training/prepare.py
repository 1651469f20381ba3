"""A training run put together: notes, representation, networks, and where it starts from."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from audio_transforms import AudioTransform, build_transform, choose_affine, with_affine
from audio_transforms.scaling import Affine
from data.attributes import AttributeTable, expand_attributes
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset, NoteStream
from data.note_records import NoteRecord
from data.note_selection import find_notes
from data.nsynth import Value
from evaluation.embeddings.features import Embedding
from models.checkpoint import list_own_checkpoints, remove_half_written
from models.networks import build_networks
from models.noise import Purpose
from training.budget import estimate_budget
from training.fixed_latents import FixedLatents
from training.heard_quantities import HeardQuantities, unmeasured_quantities
from training.preview import PreviewWriter
from training.starting_point import Start, StartSource, find_start
from training.trainer import Trainer
from training.training_scores import TrainingScorer, load_scoring_network
from training.training_step import TrainingStep
from utils.cli import show_progress
from utils.config import ExperimentConfig
from utils.device import keep_freed_memory, require_memory
from utils.errors import CheckpointError, ConfigError
from utils.files import require_disk_space
from utils.precision import has_bf16, warn_if_slow
from utils.ranks import ALONE, Ranks
from utils.run_folder import set_aside, write_config
from utils.run_lock import RunFolderLock
from utils.spelling import counted

logger = logging.getLogger(__name__)

NOTE_CACHE = "note_cache"
_FIT_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The settings of a run beside its config."""

    seed: int
    device: torch.device
    save_every: int
    log_every: int
    n_previews: int
    scores_every: int | None  # steps; None = no scores
    n_scores: int  # notes
    skip_broken: bool
    restart: bool
    start: StartSource | None  # None = fresh weights
    ranks: Ranks = ALONE  # the processes that train together
    precision: str = "auto"  # of the networks: float32, bf16, or auto: the one in which the run began, at first float32


def prepare_run(experiment: ExperimentConfig, options: RunOptions, lock: RunFolderLock) -> Trainer:
    """The trainer of `experiment`, at its newest checkpoint if there is one; takes the `lock` of its run folder.

    Of several ranks, only rank 0 takes the lock and writes; all must see the same files.
    Raises: UserError if notes, config, checkpoint, memory or disk are not usable; nothing of the run is written then.
    """
    keep_freed_memory()
    ranks = options.ranks
    _require_equal_shares(experiment, ranks)
    records = find_notes(experiment.loader, options.seed)
    transform = build_transform(experiment.transform)
    _require_room(experiment, options, records, transform)
    classifier = load_scoring_network(options.device) if options.scores_every and ranks.leads else None
    with ranks.leader_first():
        if ranks.leads:
            lock.take()
    start = find_start(experiment, options.start, seed=options.seed, restart=options.restart)
    with ranks.leader_first():
        dataset, table = _open_notes(experiment, options, records, transform, start.attribute_values)
    card = dataset.cache.card
    notes = {
        "notes": _digest([record.name for record in dataset.cache.records], dataset.labels.tolist()),
        "audio": {"sha256": card.audio_sha256, "decoder": card.decoder},
    }
    start.require_notes(notes, experiment)
    precision = _precision(options, start)
    start.say_precision(precision, experiment.run_folder)
    transform.to(options.device)
    affine = start.state["affine"] if start.state else _measured_affine(experiment, options, transform, dataset)
    identity = {
        "seed": options.seed,
        "config": experiment.to_plain(),
        "attributes": table.to_plain(),
        "affine": affine,
        "precision": precision,
        **notes,
    } | ({"started_from": start.started_from} if start.started_from else {})
    trainer = _build_trainer(experiment, options, dataset, table, with_affine(transform, affine), identity, classifier)
    start.restore(trainer)
    require_same_on_all(ranks, trainer)
    if ranks.leads:
        if options.restart:
            set_aside(lock)
        if not start.is_resumed:
            write_config(experiment.run_folder, experiment.to_plain())
        remove_half_written(experiment.run_folder)
    for text in trainer.schedule.fade_warnings():
        logger.warning("%s", text)
    for name in unmeasured_quantities(table, experiment.model.measured_attributes) if ranks.leads else ():
        logger.info(
            'notes obey %s better if it is measured of generated notes too: "measureGenerated" in modelConfig', name
        )
    return trainer


def _precision(options: RunOptions, start: Start) -> str:
    """`float32` or `bf16`: what was asked for, or what the run began in, or float32.

    A new run is not bf16 by itself: results depend on the precision, and runs would not compare if that depended on
    the processor, or on which network gains by it.
    """
    precision = options.precision
    if precision == "auto":
        begun = start.state.get("precision") if start.state and start.is_resumed else None
        precision = "bf16" if begun == "bf16" else "float32"
    if precision == "bf16":
        warn_if_slow(options.device)
    hint = "; bf16 may be faster on this device" if precision == "float32" and has_bf16(options.device) else ""
    logger.info("the networks compute in %s%s", precision, hint)
    return precision


def _require_equal_shares(experiment: ExperimentConfig, ranks: Ranks) -> None:
    for scale, size in enumerate(experiment.model.batch_sizes):
        if size % ranks.size:
            raise ConfigError(
                f"miniBatchSize: {counted(size, 'note')} at scale {scale} cannot be divided evenly among {ranks.size} "
                f"processes; give a multiple of {ranks.size}"
            )


def require_same_on_all(ranks: Ranks, trainer: Trainer) -> None:
    """Raise CheckpointError on a rank whose run or step differs from that of rank 0."""
    own = _digest(trainer.step, trainer.identity)
    if ranks.of_leader(lambda: own) != own:
        raise CheckpointError(
            f"{trainer.run_folder}: process {ranks.rank} finds other notes, another checkpoint or another command than "
            "process 0; give all of them the same command, and folders on a disk that they share"
        )


def _open_notes(
    experiment: ExperimentConfig,
    options: RunOptions,
    records: Sequence[NoteRecord],
    transform: AudioTransform,
    attribute_values: Mapping[str, list[Value]] | None,
) -> tuple[NoteDataset, AttributeTable]:
    """The notes, labelled by `attribute_values`, or else by the values that the notes have."""
    cache = open_note_cache(
        records,
        experiment.output_path / NOTE_CACHE,
        sample_rate=transform.sample_rate,
        n_samples=transform.n_samples,
        skip_broken=options.skip_broken,
    )
    if attribute_values is None:
        table = AttributeTable.from_records(cache.records, experiment.attributes)
    else:
        table = AttributeTable.from_plain(attribute_values)
    return NoteDataset(cache, table.encode(cache.records), fade_out=experiment.transform.fade_out), table


def _build_trainer(
    experiment: ExperimentConfig,
    options: RunOptions,
    dataset: NoteDataset,
    table: AttributeTable,
    transform: AudioTransform,
    identity: Mapping[str, Any],
    classifier: Embedding | None,
) -> Trainer:
    seed, device = options.seed, options.device
    networks = build_networks(experiment.model, transform.shape, table.sizes, seed=seed, device=device)
    skipped = expand_attributes(experiment.model.skip_fake_attributes)
    measured = experiment.model.measured_attributes
    latents = partial(FixedLatents, networks, transform, dataset, seed=seed, device=device)
    scorer = preview = None
    if classifier:
        count = min(options.n_scores, len(dataset))
        scorer = TrainingScorer(latents(purpose=Purpose.SCORE_LATENT, count=count), classifier)
    if options.ranks.leads:
        fixed = latents(purpose=Purpose.PREVIEW_LATENT, count=options.n_previews)
        preview = PreviewWriter(experiment.run_folder, fixed, table)
    return Trainer(
        experiment.run_folder,
        TrainingStep(
            experiment.model,
            networks,
            classified_fakes=[name not in skipped for name in table.names],
            data_labels=dataset.labels,
            heard=HeardQuantities(transform, table, measured) if measured else None,
            seed=seed,
            device=device,
            ranks=options.ranks,
            bf16=identity["precision"] == "bf16",
        ),
        transform,
        NoteStream(dataset, seed),
        identity=identity,
        save_every=options.save_every,
        log_every=options.log_every,
        preview=preview,
        scores=scorer,
        scores_every=options.scores_every or 1,
    )


def _require_room(
    experiment: ExperimentConfig, options: RunOptions, records: Sequence[NoteRecord], transform: AudioTransform
) -> None:
    n_values = AttributeTable.from_records(records, experiment.attributes).sizes
    budget = estimate_budget(experiment, transform.shape, n_values, len(records))
    require_memory(budget.memory_bytes)
    kept = experiment.model.keep_checkpoints + experiment.model.n_scales
    needed = (budget.cache_bytes or 0) + kept * budget.checkpoint_bytes
    if not options.restart and list_own_checkpoints(experiment.run_folder):
        needed = budget.checkpoint_bytes  # the rest is there already; a new one is written before an old one is removed
    require_disk_space(experiment.output_path, needed)


def _measured_affine(
    experiment: ExperimentConfig, options: RunOptions, transform: AudioTransform, dataset: NoteDataset
) -> Affine | None:
    """The scaling that the config asks for, measured by rank 0 for all."""

    def waves() -> Iterator[Tensor]:
        indices = range(len(dataset))
        starts = indices[::_FIT_BATCH]
        for start in tqdm(starts, desc="measuring the scaling", disable=not show_progress(), leave=False):
            yield dataset.batch(indices[start : start + _FIT_BATCH])[0].to(options.device)

    return options.ranks.of_leader(lambda: choose_affine(experiment.transform, transform, waves()))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
