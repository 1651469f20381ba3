"""A training run put together: notes, representation, networks, and the point where it stood."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from audio_transforms import AudioTransform, build_transform, choose_affine, with_affine
from data.attributes import AttributeTable, expand_attributes
from data.note_cache import open_note_cache
from data.note_dataset import NoteDataset
from data.note_records import NoteRecord
from data.note_selection import find_notes
from data.sampling import note_indices
from evaluation.embeddings.features import Embedding
from models.checkpoint import (
    find_checkpoint,
    list_checkpoints,
    list_own_checkpoints,
    load_checkpoint,
    remove_half_written,
)
from models.growth import GrowthSchedule
from models.networks import build_networks
from training.budget import Budget, estimate_budget
from training.preview import PreviewWriter
from training.starting_point import StartingPoint, StartSource
from training.trainer import Trainer
from training.training_scores import TrainingScorer, load_scoring_network
from training.training_step import TrainingStep
from utils.cli import show_progress
from utils.config import ExperimentConfig
from utils.config_file import parse_experiment
from utils.device import keep_freed_memory
from utils.errors import CheckpointError, ConfigError
from utils.files import require_disk_space
from utils.memory import require_memory
from utils.ranks import ALONE, Ranks
from utils.run_folder import RunFolderLock, require_same_experiment, write_config

logger = logging.getLogger(__name__)

NOTE_CACHE = "note_cache"
_FIT_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the command line says of a run beside its config."""

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
    bf16: bool = False  # networks computed in bfloat16


def prepare_run(experiment: ExperimentConfig, options: RunOptions, lock: RunFolderLock) -> Trainer:
    """The trainer of `experiment`, at its newest checkpoint if there is one; takes the `lock` of its run folder.

    Of several ranks, rank 0 alone takes the lock and writes; all must see the same files.
    Raises: UserError, before anything of the run is written, if notes, config, checkpoint, memory or disk do not serve.
    """
    keep_freed_memory()
    ranks = options.ranks
    _require_equal_shares(experiment, ranks)
    records = find_notes(experiment.loader, options.seed)
    transform = build_transform(experiment.transform)
    n_values = AttributeTable.from_records(records, experiment.attributes).sizes
    _require_room(experiment, options, estimate_budget(experiment, transform.shape, n_values, len(records)))
    classifier = load_scoring_network(options.device) if options.scores_every and ranks.leads else None
    with ranks.leader_first():
        if ranks.leads:
            lock.take()
    saved = None if options.restart else _newest_checkpoint(experiment, options)
    start = StartingPoint.open(options.start, experiment) if options.start and not saved else None
    began = start.to_plain() if start else saved.get("started_from") if saved else None
    learned = start.state if start else saved
    known_values = learned["attributes"] if learned and began else None
    with ranks.leader_first():
        dataset, table = _open_notes(experiment, options, records, transform, known_values)
    notes = _digest([record.name for record in dataset.cache.records], dataset.labels.tolist())
    if saved and saved["notes"] != notes:
        raise CheckpointError(
            f"{experiment.run_folder}: was started with other notes than {experiment.loader.data_path} selects now; "
            "restore them, give another name with -n, or --restart to begin anew"
        )
    transform.to(options.device)
    if learned:
        affine = learned["affine"]
    else:
        affine = ranks.of_leader(
            lambda: choose_affine(experiment.transform, transform, _all_waves(dataset, options.device))
        )
    identity = {
        "seed": options.seed,
        "config": experiment.to_plain(),
        "attributes": table.to_plain(),
        "affine": affine,
        "notes": notes,
    } | ({"started_from": began} if began else {})
    trainer = _build_trainer(experiment, options, dataset, table, with_affine(transform, affine), identity, classifier)
    if saved:
        trainer.restore(saved)
    elif start:
        trainer.begin_from(start.state, start.step)
    require_same_on_all(ranks, trainer)
    if ranks.leads:
        if options.restart:
            lock.set_aside()
        if not saved:
            write_config(experiment.run_folder, experiment.to_plain())
        remove_half_written(experiment.run_folder)
    _say_unfinished_fades(trainer.schedule)
    return trainer


def _require_equal_shares(experiment: ExperimentConfig, ranks: Ranks) -> None:
    for scale, size in enumerate(experiment.model.batch_sizes):
        if size % ranks.size:
            raise ConfigError(
                f"miniBatchSize: {size} notes at scale {scale} are not shared evenly by {ranks.size} processes; give "
                "a multiple of their number"
            )


def require_same_on_all(ranks: Ranks, trainer: Trainer) -> None:
    """Raise CheckpointError on a rank that would train something else, or begin elsewhere, than rank 0 does."""
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
    known_values: Mapping[str, Any] | None,
) -> tuple[NoteDataset, AttributeTable]:
    """The notes, labelled by `known_values` of the attributes, or else by the values that the notes have."""
    cache = open_note_cache(
        records,
        experiment.output_path / NOTE_CACHE,
        sample_rate=transform.sample_rate,
        n_samples=transform.n_samples,
        skip_broken=options.skip_broken,
    )
    if known_values is None:
        table = AttributeTable.from_records(cache.records, experiment.attributes)
    else:
        table = AttributeTable.from_plain(known_values)
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
    classified = [name not in skipped for name in table.names]
    scorer = None
    if classifier:
        scorer = TrainingScorer(
            networks, transform, dataset, classifier, count=options.n_scores, seed=seed, device=device
        )
    preview = None
    if options.ranks.leads:
        preview = PreviewWriter(
            experiment.run_folder,
            networks,
            transform,
            dataset,
            table,
            count=options.n_previews,
            seed=seed,
            device=device,
        )
    return Trainer(
        experiment.run_folder,
        TrainingStep(
            experiment.model,
            networks,
            classified_fakes=classified,
            data_labels=dataset.labels,
            seed=seed,
            device=device,
            ranks=options.ranks,
            bf16=options.bf16,
        ),
        transform,
        lambda first, count: dataset.batch(note_indices(first, count, len(dataset), seed)),
        identity=identity,
        save_every=options.save_every,
        log_every=options.log_every,
        preview=preview,
        scores=scorer,
        scores_every=options.scores_every or 1,
    )


def _require_room(experiment: ExperimentConfig, options: RunOptions, budget: Budget) -> None:
    require_memory(budget.memory_bytes)
    kept = experiment.model.keep_checkpoints + experiment.model.n_scales
    needed = budget.cache_bytes + kept * budget.checkpoint_bytes
    if not options.restart and list_own_checkpoints(experiment.run_folder):
        needed = budget.checkpoint_bytes  # the rest is there already; each new one comes before an old one goes
    require_disk_space(experiment.output_path, needed)


def _newest_checkpoint(experiment: ExperimentConfig, options: RunOptions) -> dict[str, Any] | None:
    if not list_checkpoints(experiment.run_folder):
        return None
    path = find_checkpoint(experiment.run_folder)
    saved = load_checkpoint(path)
    if not list_own_checkpoints(experiment.run_folder) or not saved["optimizer_g"]:
        raise CheckpointError(
            f"{path}: was not trained here and holds no optimisers; give another name with -n, and begin there with "
            f"--continue-from {experiment.run_folder}"
        )
    if options.start:
        logger.info("%s: resumes from its own checkpoint; %s was for its start", path.parent, options.start.path)
    # read anew, so that keys which the config has gained since have their defaults
    before = parse_experiment(saved["config"], str(path)).to_plain()
    require_same_experiment(experiment.run_folder, before, experiment.to_plain())
    if saved["seed"] != options.seed:
        raise CheckpointError(
            f"{experiment.run_folder}: was started with --seed {saved['seed']}, not {options.seed}; give that seed, or "
            "another name with -n"
        )
    return saved


def _all_waves(dataset: NoteDataset, device: torch.device) -> Iterator[Tensor]:
    starts = range(0, len(dataset), _FIT_BATCH)
    for start in tqdm(starts, desc="measuring the scaling", disable=not show_progress(), leave=False):
        yield dataset.batch(range(start, min(start + _FIT_BATCH, len(dataset))))[0].to(device)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _say_unfinished_fades(schedule: GrowthSchedule) -> None:
    for scale, alpha in schedule.unfinished_fades().items():
        logger.warning(
            "scale %d ends before its fade does, at alpha %.3f: raise maxIterAtScale or lower alphaNJumps", scale, alpha
        )
