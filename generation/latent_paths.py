"""Paths through the latent space with prior N(0, I): between two latents, around 0, or along one direction.

All are computed in float64 and are functions of the given points only. In many dimensions nearly all of N(0, I) lies
close to the sphere of radius sqrt(latent_dim); a straight line between two draws leaves it, and its middle is about 0.7
times as far from 0.
"""

import math

import torch
from torch import Tensor

from utils.errors import UserError

SMALLEST_ANGLE = 1e-6  # rad; for smaller angles, float32 latents do not determine a direction between them


def linear(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L): evenly spaced on the straight line; the ends are exactly the given ones."""
    behind, ahead = _weights(steps)
    return _with_ends(behind * start.double() + ahead * end.double(), start, end)


def spherical(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L): even angles along the shorter arc, norms linear from one end's to the other's.

    Source: Shoemake 1985, Animating rotation with quaternion curves, for the arc; White 2016, arXiv 1609.04468, for
    Gaussian latents. The ends are exactly the given ones.
    Raises: UserError if the two have opposite directions, so that no arc is shorter, or if one of them is zero.
    """
    a, b = _direction(start), _direction(end)
    angle = _angle(a, b)
    if math.pi - angle < SMALLEST_ANGLE:
        raise UserError("spherical: the two latents have opposite directions, so no arc is shorter; use another path")
    behind, ahead = _weights(steps)
    norms = behind * start.double().norm() + ahead * end.double().norm()
    if angle < SMALLEST_ANGLE:
        directions = behind * a + ahead * b
    else:
        directions = (torch.sin(behind * angle) * a + torch.sin(ahead * angle) * b) / math.sin(angle)
    return _with_ends(norms * directions, start, end)


def circle(start: Tensor, towards: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L): once around the sphere of `start`, through the direction of `towards`.

    A great circle that starts towards the second latent's direction: all norms are that of `start`, the angle between
    neighbours is 2 pi / steps, first and last point are exactly `start`.
    Raises: UserError if the two lie on one line through 0, so that the circle is not determined.
    """
    a, b = _direction(start), _direction(towards)
    angle = _angle(a, b)
    if min(angle, math.pi - angle) < SMALLEST_ANGLE:
        raise UserError(
            "circle: the two latents lie on one line through 0, so the circle is not determined; use another seed"
        )
    aside = _direction(b - (a @ b) * a)
    turned = 2 * math.pi * torch.arange(steps + 1, dtype=torch.float64)[:, None] / steps
    around = start.double().norm() * (torch.cos(turned) * a + torch.sin(turned) * aside)
    return _with_ends(around, start, start)


def radius(latent: Tensor, low: float, high: float, steps: int) -> Tensor:
    """(L,) -> (steps + 1, L): along its direction, with evenly spaced norms from `low` to `high` times sqrt(L).

    sqrt(L) is the usual norm of a draw from N(0, I). Raises: UserError if the latent is zero.
    """
    behind, ahead = _weights(steps)
    norms = math.sqrt(len(latent)) * (behind * low + ahead * high)
    return (norms * _direction(latent)).to(latent.dtype)


def _weights(steps: int) -> tuple[Tensor, Tensor]:
    """Weights (steps + 1, 1) of start and end, each a quotient, so that the reversed path has the same points."""
    count = torch.arange(steps + 1, dtype=torch.float64)[:, None]
    return count.flip(0) / steps, count / steps


def _direction(latent: Tensor) -> Tensor:
    norm: Tensor = latent.double().norm()
    if norm == 0:
        raise UserError("a latent is zero and has no direction; use another seed")
    return latent.double() / norm


def _angle(a: Tensor, b: Tensor) -> float:
    """The angle between unit vectors in rad; accurate near 0 and pi too, where the arc cosine is not (Kahan)."""
    return 2 * math.atan2(float((a - b).norm()), float((a + b).norm()))


def _with_ends(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    path = points.to(start.dtype)
    path[0], path[-1] = start, end
    return path
