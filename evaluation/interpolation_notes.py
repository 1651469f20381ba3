"""`generate.py interpolation`: notes along a path through the latents."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from data.nsynth import Value
from evaluation import latent_paths
from evaluation.anchors import Anchor
from evaluation.generation import Instrument
from evaluation.note_files import Note, write_sequence
from evaluation.synthesis import Wave, synthesise
from utils.cli import show_progress
from utils.errors import UserError

logger = logging.getLogger(__name__)

PATHS = {
    "linear": "straight from latent to latent",
    "spherical": "along arcs from latent to latent, as far from 0 as they are",
    "circle": "once around the sphere of the first latent, by way of the second's direction",
    "radius": "along the direction of one latent, from small to large norm",
}
RADII = (0.0, 2.0)


@dataclass(frozen=True)
class Place:
    """A point of the path: `condition` (L + C,) is what the network gets."""

    name: str
    title: str
    condition: Tensor
    says: dict[str, Any]


def write_interpolation(
    instrument: Instrument,
    folder: Path,
    anchors: Sequence[Anchor],
    *,
    path: str,
    steps: int,
    radii: tuple[float, float] = RADII,
    gap: float,
) -> list[Path]:
    """A wav and a card for each point of the path, and `interpolation` as wav, picture and card of them all.

    `linear` and `spherical` go through all `anchors` in `steps` steps from each to the next, `circle` takes two,
    `radius` one, from `radii[0]` to `radii[1]` times sqrt(latent_dim). Where two anchors differ in an attribute, its
    one-hots are mixed linearly, whatever the path; a circle keeps the first one's. A point that is an anchor is
    the note that `random` makes of it, and has its name. All is made before anything is written. Returns the wavs.
    Raises: UserError if the path does not fit the anchors.
    """
    places = places_on_path(anchors, path=path, steps=steps, radii=radii)
    if path == "radius" and not instrument.table.values:
        logger.warning("radius: without attributes, networks with pixelNorm sound the same at every norm but 0")
    origin = instrument.card()
    waves = [
        play_condition(instrument, place.condition)
        for place in tqdm(places, unit="note", disable=not show_progress(), leave=False)
    ]
    notes = [Note(place.name, place.title, wave, place.says) for place, wave in zip(places, waves, strict=True)]
    says = {"path": path, "steps": steps, "anchors": [anchor.says() for anchor in anchors]}
    says |= {"radii": list(radii)} if path == "radius" else {}
    return write_sequence(folder, "interpolation", notes, origin, says, gap=gap)


def places_on_path(
    anchors: Sequence[Anchor], *, path: str, steps: int, radii: tuple[float, float] = RADII
) -> list[Place]:
    """The points of the path, in order. Raises: UserError as `write_interpolation`."""
    if path == "radius":
        _require_anchors(path, "one latent", len(anchors) == 1)
        return _radius(anchors[0], steps, radii)
    if path == "circle":
        _require_anchors(path, "two latents", len(anchors) == 2)
        start, towards = anchors
        latents = latent_paths.circle(start.latent, towards.latent, steps)
        return [*_segment(path, start, towards, latents, keep_attributes=True), _of_anchor(start)]
    _require_anchors(path, "two latents or more", len(anchors) >= 2)
    segment = {"linear": latent_paths.linear, "spherical": latent_paths.spherical}[path]
    places: list[Place] = []
    for start, end in pairwise(anchors):
        places += _segment(path, start, end, segment(start.latent, end.latent, steps), keep_attributes=False)
    return [*places, _of_anchor(anchors[-1])]


def play_condition(instrument: Instrument, condition: Tensor) -> Wave:
    """One wave (n_samples,) of a latent with its one-hots, or a mixture of them, behind it (L + C,)."""
    unlabelled = replace(instrument.networks, n_values=())  # the labels are in `condition` already
    no_labels = torch.empty((1, 0), dtype=torch.int64)
    return synthesise(
        unlabelled,
        instrument.transform,
        condition[None],
        no_labels,
        scale=instrument.scale,
        alpha=instrument.alpha,
        device=instrument.device,
    )[0]


def _segment(path: str, start: Anchor, end: Anchor, latents: Tensor, *, keep_attributes: bool) -> list[Place]:
    """`start` and all points up to the end, which is not among them."""
    last = start if keep_attributes else end
    steps = len(latents) - 1
    one_hots = latent_paths.linear(start.one_hot, last.one_hot, steps)
    places = [_of_anchor(start)]
    for step in range(1, steps):
        says = {
            "attributes": _shared(start.attributes, last.attributes),
            "between": {"path": path, "from": start.says(), "to": end.says(), "step": step, "steps": steps},
        }
        name = f"{start.name}_{path}_{end.name}_{_of(step, steps)}"
        condition = torch.cat((latents[step], one_hots[step]))
        places.append(Place(name, f"{path} {step} of {steps}", condition, says))
    return places


def _radius(anchor: Anchor, steps: int, radii: tuple[float, float]) -> list[Place]:
    places = []
    for step, latent in enumerate(latent_paths.radius(anchor.latent, *radii, steps)):
        norm = (radii[0] * (steps - step) + radii[1] * step) / steps
        walk = {"path": "radius", "of": anchor.says(), "norm_by_sqrt_dim": norm, "step": step, "steps": steps}
        says = {"attributes": anchor.attributes, "between": walk}
        name = f"{anchor.name}_radius{radii[0]:g}-{radii[1]:g}_{_of(step, steps)}"
        places.append(Place(name, f"norm {norm:.3g} √{len(latent)}", torch.cat((latent, anchor.one_hot)), says))
    return places


def _of_anchor(anchor: Anchor) -> Place:
    condition = torch.cat((anchor.latent, anchor.one_hot))
    return Place(anchor.name, anchor.name.replace("_", " "), condition, anchor.says())


def _of(step: int, steps: int) -> str:
    return f"{step:0{len(str(steps))}d}of{steps}"


def _shared(start: dict[str, Value], end: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in start.items() if end[name] == value}


def _require_anchors(path: str, wanted: str, fits: bool) -> None:
    if not fits:
        raise UserError(f"--path {path}: goes through {wanted}; give as many by --seeds, or by --from and --to")
