"""Notes as places in the latent space: the input of the generator for each, and its specification for the card."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from data.nsynth import Value, value_in_words
from generation import latent_paths
from generation.instrument import Instrument
from generation.label_offsets import LabelOffsets
from generation.latent_controls import NO_CONTROLS, LatentControls
from generation.note_files import Note
from generation.note_spec import (
    CardNote,
    CardReference,
    NoteSpec,
    RadiusWalk,
    Walk,
    WalkPath,
    generated_name,
    latent_name,
    referred_note,
)
from generation.synthesis import Wave
from generation.tuning.learned import Resampling
from generation.tuning.resampling import at_ratio
from utils.cli import show_progress
from utils.errors import DataError, UserError
from utils.ranks import ALONE, Ranks
from utils.spelling import counted

_EXCHANGED = 64  # notes that several ranks make together before they exchange them
MOST_LETTERS = 120  # of a name; file systems take 255 bytes
T = TypeVar("T")

_PLAIN = re.compile(r"[\w.-]{1,40}", re.ASCII)

WALKS = {"linear": latent_paths.linear, "spherical": latent_paths.spherical, "circle": latent_paths.circle}


@dataclass(frozen=True)
class Place:
    """A note before it is generated: the generator's input is `latent` (L,), then `one_hot` (C,) of all attributes.

    Between two values of an attribute, `one_hot` is a mixture of theirs; that of a found note has its label offsets.
    """

    name: str
    title: str
    spec: NoteSpec
    latent: Tensor
    one_hot: Tensor

    def sound(self, instrument: Instrument) -> Note:
        """Generate the note. Raises: UserError if the generator's output is not finite."""
        return self.note(self.wave(instrument))

    def wave(self, instrument: Instrument) -> Wave:
        """The note's samples (n_samples,). Raises: UserError if the generator's output is not finite."""
        (wave,) = instrument.sound(torch.cat((self.latent, self.one_hot))[None])
        resampled = self.spec.resampled
        return wave if resampled is None else at_ratio(wave, resampled.ratio, instrument.sample_rate)

    def note(self, wave: Wave) -> Note:
        """The note with the samples `wave`."""
        return Note(self.name, self.title, wave, self.spec.to_plain())


def sounds(instrument: Instrument, places: Sequence[Place], ranks: Ranks = ALONE) -> Iterator[Note]:
    """The note of each of `places`, as it is made: each of `ranks` makes its share, and receives all.

    All ranks must take all notes, since they exchange them. Raises: UserError.
    """
    size = 1 if ranks.size == 1 else _EXCHANGED
    with tqdm(total=len(places), unit="note", disable=not show_progress(), leave=False) as bar:
        for start in range(0, len(places), size):
            block = places[start : start + size]
            waves = torch.zeros(len(block), instrument.transform.n_samples)
            for row in ranks.share_of(len(block)):
                waves[row] = torch.from_numpy(block[row].wave(instrument))
            ranks.sum_([waves])  # the rows of other ranks are zero here
            bar.update(len(block))
            yield from (place.note(wave) for place, wave in zip(block, waves.numpy(), strict=True))


def seeded_place(
    instrument: Instrument, seed: int, fixed: Mapping[str, Value | float], controls: LatentControls = NO_CONTROLS
) -> Place:
    """The place of `seed` with the attributes `fixed`; the seed draws the others.

    A pitch with decimals is that of the nearest learned note, resampled. Raises: UserError if there is none near it.
    """
    values, resampled = dict(fixed), None
    if isinstance(pitch := fixed.get("pitch"), float):
        resampled = Resampling.of(pitch, instrument.learned_pitch(pitch))
        values["pitch"] = resampled.learned_pitch
    latent, labels = instrument.latent(seed, controls), instrument.labels(seed, values)
    attributes = {name: values.get(name, drawn) for name, drawn in instrument.values_of(labels[0]).items()}
    spec = NoteSpec.of_seed(seed, attributes, controls, resampled)
    name = generated_name({**attributes, **({} if resampled is None else {"pitch": resampled.pitch})}, seed)
    condition = instrument.conditions(latent, labels)[0]
    return Place(name, name.replace("_", " "), spec, latent[0], condition[latent.shape[1] :])


def latent_place(
    instrument: Instrument,
    latent: Sequence[float],
    attributes: Mapping[str, Value],
    offsets: LabelOffsets | None,
    resampled: Resampling | None,
) -> Place:
    """The place of a `latent` that was found, with all its `attributes` and the `offsets` of their one-hots.

    It is at another pitch if it is `resampled`. Raises: DataError if the run has other latents or attributes.
    """
    numbers, length = torch.tensor([latent], dtype=torch.float32), instrument.networks.ema.latent_dim
    if numbers.shape[1] != length:
        raise DataError(f"a latent of {numbers.shape[1]} numbers: {instrument.run_name} has {length}; choose its run")
    condition = instrument.conditions(numbers, instrument.labels(0, attributes), offsets)[0]
    spec = NoteSpec(
        latent=tuple(numbers[0].tolist()), label_offsets=offsets, attributes=dict(attributes), resampled=resampled
    )
    pitch = attributes if resampled is None else {"pitch": resampled.pitch}
    found = numbers[0].numpy().tobytes() + (b"" if offsets is None else repr(offsets).encode())
    name = latent_name(pitch, found)
    return Place(name, name.replace("_", " "), spec, numbers[0], condition[length:])


def place_at_pitch(instrument: Instrument, spec: NoteSpec, pitch: float) -> Place:
    """The note `spec` at `pitch`, which may have decimals unless the note lies between others. Raises: UserError."""
    learned = instrument.learned_pitch(pitch)
    at_pitch = _at_pitch(spec, learned)
    if isinstance(pitch, float):
        if spec.between is not None:
            raise UserError(f"pitch {pitch}: a note between others plays whole pitches only; choose one")
        at_pitch = at_pitch.model_copy(update={"resampled": Resampling.of(pitch, learned)})
    return place_of_spec(instrument, at_pitch)


def place_of_card_note(instrument: Instrument, note: CardNote) -> Place:
    """The place of a card's note, bit for bit. Raises: DataError if the run has other attributes; UserError."""
    place = place_of_spec(instrument, note.spec)
    return Place(note.name, note.title, note.spec, place.latent, place.one_hot)


def distinct(places: Sequence[Place]) -> list[Place]:
    """`places`, with longer names for different notes that have the same name."""
    specs: dict[str, NoteSpec] = {}
    shared = {place.name for place in places if specs.setdefault(place.name, place.spec) != place.spec}
    return [replace(place, name=_longer_name(place)) if place.name in shared else place for place in places]


def places_of_cards(
    instrument: Instrument, references: Sequence[CardReference], pitches: Sequence[int] | None
) -> list[Place]:
    """The notes that `references` name, at their own pitches, or at `pitches`: one for all or one for each.

    Raises: DataError if a card is not that of a note, or is of another checkpoint. UserError if `pitches` do not fit.
    """
    turned = [None] * len(references) if pitches is None else one_for_each(pitches, len(references), "pitch")
    instrument.require_pitches(pitches or [])
    places = []
    for reference, pitch in zip(references, turned, strict=True):
        card, note = referred_note(reference)
        instrument.require_own_card(card, str(reference))
        if note.spec.resampled is not None and pitch is None:
            raise UserError(f"{reference}: lies between the keys; choose a pitch that the run learned for the path")
        at_pitch = None if pitch is None else _at_pitch(note.spec, pitch)
        places.append(place_of_spec(instrument, at_pitch) if at_pitch else place_of_card_note(instrument, note))
    return places


def walk(path: WalkPath, start: Place, end: Place, steps: int) -> list[Place]:
    """The steps + 1 places on the path; the ends are the given ones, on a circle both are `start`.

    One-hots are interpolated linearly, on every path; a circle keeps those of `start`. Raises: UserError as
    `generation.latent_paths`.
    """
    last = start if path == "circle" else end
    latents = WALKS[path](start.latent, end.latent, steps)
    one_hots = latent_paths.linear(start.one_hot, last.one_hot, steps)
    places = [start]
    for step in range(1, steps):
        spec = NoteSpec(
            attributes=_shared(start.spec, last.spec),
            between=Walk(path=path, start=start.spec, end=end.spec, step=step, steps=steps),
        )
        name = _short(f"{start.name}_{path}_{end.name}_{_of(step, steps)}")
        places.append(Place(name, f"{path} {step} of {steps}", spec, latents[step], one_hots[step]))
    return [*places, last]


def radius_walk(place: Place, radii: tuple[float, float], steps: int) -> list[Place]:
    """The steps + 1 places along the direction of `place`. Raises: UserError as `generation.latent_paths`."""
    places = []
    for step, latent in enumerate(latent_paths.radius(place.latent, *radii, steps)):
        norm = (radii[0] * (steps - step) + radii[1] * step) / steps
        on_radius = RadiusWalk(path="radius", of=place.spec, radii=radii, step=step, steps=steps)
        spec = NoteSpec(attributes=place.spec.attributes, between=on_radius)
        name = _short(f"{place.name}_radius{radii[0]:g}-{radii[1]:g}_{_of(step, steps)}")
        places.append(Place(name, f"norm {norm:.3g} √{len(latent)}", spec, latent, place.one_hot))
    return places


def one_for_each(values: Sequence[T], n_notes: int, name: str) -> list[T]:
    """`values`, or the single one n_notes times. Raises: UserError if there are neither 1 nor n_notes."""
    if len(values) not in (1, n_notes):
        raise UserError(
            f"{name}: {counted(len(values), 'value')} for {counted(n_notes, 'note')}; give one, or one for each"
        )
    return list(values) * n_notes if len(values) == 1 else list(values)


def place_of_spec(instrument: Instrument, spec: NoteSpec) -> Place:
    """The place of a note by its specification, bit for bit. Raises: DataError if the run has other attributes."""
    if isinstance(spec.between, Walk):
        start, end = (place_of_spec(instrument, each) for each in (spec.between.start, spec.between.end))
        return walk(spec.between.path, start, end, spec.between.steps)[spec.between.step]
    if isinstance(spec.between, RadiusWalk):
        place = place_of_spec(instrument, spec.between.of)
        return radius_walk(place, spec.between.radii, spec.between.steps)[spec.between.step]
    table, attributes = instrument.table, spec.attributes
    if attributes.keys() != table.values.keys() or any(
        table.label_of(name, value) is None for name, value in attributes.items()
    ):
        raise DataError(
            f"attributes {attributes}: not those of {instrument.run_name}; choose the run that made the card"
        )
    if spec.latent is not None:
        return latent_place(instrument, spec.latent, attributes, spec.label_offsets, spec.resampled)
    if spec.seed is None:
        raise DataError("a note with neither a seed nor a place between notes; restore the card")
    place = seeded_place(instrument, spec.seed, attributes, spec.controls)
    if spec.resampled is None:
        return place
    name = generated_name({"pitch": spec.resampled.pitch}, spec.seed)
    return replace(place, name=name, title=name.replace("_", " "), spec=spec)


def _at_pitch(spec: NoteSpec, pitch: int) -> NoteSpec:
    """`spec` at `pitch`; if it lies between notes, these are at that pitch too."""
    turned: dict[str, object] = {"attributes": {**spec.attributes, "pitch": pitch}, "resampled": None}
    if isinstance(spec.between, Walk):
        ends = {"start": _at_pitch(spec.between.start, pitch), "end": _at_pitch(spec.between.end, pitch)}
        turned["between"] = spec.between.model_copy(update=ends)
    elif spec.between is not None:
        turned["between"] = spec.between.model_copy(update={"of": _at_pitch(spec.between.of, pitch)})
    return spec.model_copy(update=turned)


def _shared(start: NoteSpec, end: NoteSpec) -> dict[str, Value]:
    return {name: value for name, value in start.attributes.items() if end.attributes.get(name) == value}


def _longer_name(place: Place) -> str:
    """The name, followed by what distinguishes the note from others of its seed and pitch."""
    details = [value_in_words(name, value) for name, value in place.spec.attributes.items() if name != "pitch"]
    details += [] if place.spec.truncation is None else [f"truncation{place.spec.truncation:g}"]
    details += ["norm_kept"] if place.spec.keep_norm else []
    details += [] if place.spec.latent_scale is None else [f"scale{place.spec.latent_scale:g}"]
    if place.spec.between is None and all(_PLAIN.fullmatch(each) for each in details):
        return _short("_".join((place.name, *details)))
    return _short(f"{place.name}_{hashlib.sha256(repr(place.spec).encode()).hexdigest()[:12]}")


def _of(step: int, steps: int) -> str:
    return f"{step:0{len(str(steps))}d}of{steps}"


def _short(name: str) -> str:
    """`name`, or its beginning with a digest of it if it is long, as for paths between paths."""
    return name if len(name) <= MOST_LETTERS else f"{name[:60]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
