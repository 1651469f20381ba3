"""A comparison as typed, frozen data: representations under equal terms, each trained once per seed.

One file `config_files/comparisons/<name>.json` names configs of single experiments and what all of them share.
`load_comparison` lays that over each config, divides the budget of notes over its scales, and reports every fault of
file and configs at once.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from utils.comparison_keys import (
    REPRESENTATIONS,
    Changes,
    ComparisonKeys,
    ReferenceNotes,
    Representation,
    Validation,
    slug,
)
from utils.config import ExperimentConfig, ModelConfig
from utils.config_faults import short, unusable
from utils.config_file import SECTIONS, parse_experiment, validate_section, with_changes
from utils.config_section import Section
from utils.errors import ConfigError, UserError
from utils.files import read_json
from utils.spelling import hint

P = TypeVar("P", bound=Section)


@dataclass(frozen=True)
class ComparisonRun:
    """One run of a comparison: a representation with one seed."""

    title: str
    seed: int
    experiment: ExperimentConfig  # with the depths of its config, which training scales to `parameters`

    @property
    def run_folder(self) -> Path:
        """Where the run is, or will be."""
        return self.experiment.run_folder


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One comparison file, read and checked together with the configs that it names."""

    path: Path  # of the file
    name: str
    comments: str
    output_path: Path
    experiments: Mapping[str, ExperimentConfig]  # by title, with what is shared and the notes divided over the scales
    parameters: int | None
    notes_seen: int
    seeds: tuple[int, ...]
    threads: int | None
    count: int
    scores: tuple[str, ...]
    reference: ReferenceNotes
    validation: Validation | None
    equal_minutes: float | None
    baseline: str

    @property
    def folder(self) -> Path:
        """Where its run folders are."""
        return self.output_path / self.name

    @property
    def titles(self) -> tuple[str, ...]:
        """The representations in the order of the file."""
        return tuple(self.experiments)

    def run(self, title: str, seed: int) -> ComparisonRun:
        """The run of the representation `title` with `seed`, `folder`/`<slug of the title>_seed<seed>`."""
        experiment = self.experiments[title]
        return ComparisonRun(title, seed, replace(experiment, name=f"{experiment.name}_seed{seed}"))

    def runs(self) -> Iterator[ComparisonRun]:
        """All runs, seed by seed, so that a comparison that is stopped early has whole seeds."""
        return (self.run(title, seed) for seed in self.seeds for title in self.titles)


def is_comparison(path: Path) -> bool:
    """Whether the JSON file describes a comparison rather than one experiment. Raises: ConfigError if it is no JSON."""
    raw = read_json(path, ConfigError)
    return isinstance(raw, dict) and REPRESENTATIONS in raw


def load_comparison(path: Path) -> Comparison:
    """Read the comparison in the JSON file `path`, and the configs that it names.

    Raises: ConfigError listing every fault of the file and of each config as it would be trained.
    """
    raw = read_json(path, ConfigError)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must hold a JSON object with {REPRESENTATIONS}, not {short(raw)}")
    if why := unusable(raw):
        raise ConfigError(f"{path}: a value {why}; mend the file")
    values = {key: value for key, value in raw.items() if key != "$schema"}
    faults: list[str] = []
    keys = validate_section(ComparisonKeys, "", values, faults)
    shared = _part(Changes, "shared", values.get("shared", {}), faults)
    reference = _part(ReferenceNotes, "reference", values.get("reference"), faults)
    validation = _part(Validation, "validation", values.get("validation"), faults)
    parts = _representations(values.get(REPRESENTATIONS), faults)
    faults += _baseline_faults(values.get("baseline"), values.get(REPRESENTATIONS))
    if faults or not (keys and shared and reference):
        raise ConfigError(f"{path}: " + "; ".join(faults))
    experiments = _experiments(path, keys, shared, parts)
    laid = (REPRESENTATIONS, "shared", "shares")
    given = {name: getattr(keys, name) for name in type(keys).model_fields if name not in laid}
    return Comparison(path=path, experiments=experiments, **given | {"reference": reference, "validation": validation})


def steps_for_notes(model: ModelConfig, notes: int, shares: Sequence[float] | None = None) -> tuple[int, ...]:
    """Training steps per scale that see exactly `notes` notes, each scale about its share of them.

    Without `shares` the scales keep the proportions of the config. Scales before `startScale` are not trained and keep
    their steps; each of the others has one step or more.
    Raises: ConfigError if the scales are others than those of `shares`, or no whole steps see so many notes.
    """
    sizes, first = model.notes_per_step, model.start_scale
    if shares is not None and len(shares) != model.n_scales:
        raise ConfigError(f"shares has {len(shares)} entries but modelConfig.downSamplingFactor {model.n_scales}")
    trained = range(first, model.n_scales)
    smallest = min(sizes[first:])
    if any(size % smallest for size in sizes[first:]) or notes % smallest or notes < sum(sizes[first:]):
        raise ConfigError(
            f"notes_seen={notes} cannot be divided exactly into steps of {sorted(set(sizes[first:]))} notes; give a "
            f"multiple of the smallest that is {sum(sizes[first:])} or more, and batches that are multiples of it"
        )
    own = [steps * size for steps, size in zip(model.max_iter_at_scale, sizes, strict=True)]
    weights = own if shares is None else shares
    total = sum(weights[first:])
    if total <= 0:
        raise ConfigError(f"shares leave nothing to the scales from startScale={first} on; give one a share")
    wished = {scale: notes * weights[scale] / total for scale in trained}
    steps = {scale: max(1, math.floor(wished[scale] / sizes[scale])) for scale in trained}
    _make_exact(steps, wished, sizes, notes)
    return (*model.max_iter_at_scale[:first], *steps.values())


def _make_exact(steps: dict[int, int], wished: Mapping[int, float], sizes: Sequence[int], notes: int) -> None:
    """Change `steps` until they see `notes` notes: each time the scale that is farthest from what is wished."""

    def behind(scale: int) -> float:
        return wished[scale] - steps[scale] * sizes[scale]

    while (left := notes - sum(steps[scale] * sizes[scale] for scale in steps)) != 0:
        if left > 0:
            fitting = [scale for scale in steps if sizes[scale] <= left]
            steps[max(fitting, key=behind)] += 1
        else:  # scales of a tiny share were given their one step
            steps[min((scale for scale in steps if steps[scale] > 1), key=behind)] -= 1


def _part(part_type: type[P], place: str, values: Any, faults: list[str]) -> P | None:
    """A nested object; that it is one was checked before."""
    return validate_section(part_type, place, values, faults) if isinstance(values, dict) else None


def _baseline_faults(baseline: Any, representations: Any) -> list[str]:
    if not isinstance(baseline, str) or not isinstance(representations, dict) or baseline in representations:
        return []
    return [f"baseline={short(baseline)}: {hint(baseline, representations)}"]


def _representations(values: Any, faults: list[str]) -> dict[str, Representation]:
    parts = {}
    for title, given in values.items() if isinstance(values, dict) else ():
        place = f"{REPRESENTATIONS}.{title}"
        if not isinstance(given, str | dict):
            faults.append(f"{place}={short(given)}: must be the path of a config, or an object with `config`")
            continue
        plain = {"config": given} if isinstance(given, str) else given
        if part := validate_section(Representation, place, plain, faults):
            parts[title] = part
    return parts


def _experiments(
    path: Path, keys: ComparisonKeys, shared: Changes, parts: Mapping[str, Representation]
) -> dict[str, ExperimentConfig]:
    experiments, faults = {}, []
    for title, part in parts.items():
        where = f"{REPRESENTATIONS}.{title} ({part.config})"
        try:
            raw = _laid_over(read_json(path.parent / part.config, ConfigError), shared, part)
            # the longest name that a run of it will have, so that its faults are found now
            raw |= {"name": f"{slug(title)}_seed{max(keys.seeds)}", "output_path": str(keys.output_path / keys.name)}
            experiment = parse_experiment(raw, where)
        except UserError as error:
            faults.append(str(error))
            continue
        try:
            steps = steps_for_notes(experiment.model, keys.notes_seen, keys.shares)
        except ConfigError as error:
            faults.append(f"{where}: {error}")
            continue
        model = experiment.model.model_copy(update={"max_iter_at_scale": steps})
        experiments[title] = replace(experiment, name=slug(title), model=model)
    if faults:
        raise ConfigError(f"{path}: " + "; ".join(faults))
    return experiments


def _laid_over(raw: Any, shared: Changes, own: Representation) -> dict[str, Any]:
    """The plain config with what is shared, and then with the changes of its own."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{own.config}: must hold a JSON object with {', '.join(SECTIONS)}, not {short(raw)}")
    laid = dict(raw)
    for section in SECTIONS:
        for changes in (shared.to_plain()[section], own.to_plain()[section]):
            if changes and isinstance(laid.get(section, {}), dict):
                laid[section] = with_changes(section, laid.get(section, {}), changes)
    return laid
