"""Paths through the prior N(0, I) of latents: the points between two of them, around one, or along one.

All are computed in float64 and are functions of the given points alone. In many dimensions nearly all of N(0, I) lies
close to the sphere of radius sqrt(latent_dim); a straight line between two draws leaves it, halfway by a factor 0.7.
"""

import math

import torch
from torch import Tensor

from utils.errors import UserError

SMALLEST_ANGLE = 1e-6  # rad; below it, float32 latents tell no direction from one point to the other


def linear(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L) at even distances on the straight line; the ends are exactly the given ones."""
    behind, ahead = _weights(steps)
    return _with_ends(behind * start.double() + ahead * end.double(), start, end)


def spherical(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L): even angles along the shorter arc, norms linear from one end's to the other's.

    Source: Shoemake 1985, Animating rotation with quaternion curves, for the arc; White 2016, arXiv 1609.04468, for
    Gaussian latents. The ends are exactly the given ones.
    Raises: UserError if the two point opposite ways, where no arc is the shorter one, or one of them is zero.
    """
    a, b = _direction(start), _direction(end)
    angle = _angle(a, b)
    if math.pi - angle < SMALLEST_ANGLE:
        raise UserError("spherical: the two latents point opposite ways, no arc is the shorter; use another path")
    behind, ahead = _weights(steps)
    norms = behind * start.double().norm() + ahead * end.double().norm()
    if angle < SMALLEST_ANGLE:
        directions = behind * a + ahead * b
    else:
        directions = (torch.sin(behind * angle) * a + torch.sin(ahead * angle) * b) / math.sin(angle)
    return _with_ends(norms * directions, start, end)


def circle(start: Tensor, towards: Tensor, steps: int) -> Tensor:
    """(L,), (L,) -> (steps + 1, L): once around the sphere of `start`, through the direction of `towards`.

    A great circle, left towards the second latent's direction: all norms are that of `start`, the angle between
    neighbours is 2 pi / steps, first and last point are exactly `start`.
    Raises: UserError if the two lie on one line through 0, which no one circle goes through.
    """
    a, b = _direction(start), _direction(towards)
    angle = _angle(a, b)
    if min(angle, math.pi - angle) < SMALLEST_ANGLE:
        raise UserError("circle: the two latents lie on one line through 0, which gives no direction; take another")
    aside = _direction(b - (a @ b) * a)
    turned = 2 * math.pi * torch.arange(steps + 1, dtype=torch.float64)[:, None] / steps
    around = start.double().norm() * (torch.cos(turned) * a + torch.sin(turned) * aside)
    return _with_ends(around, start, start)


def radius(latent: Tensor, low: float, high: float, steps: int) -> Tensor:
    """(L,) -> (steps + 1, L): along its direction, with norms evenly from `low` to `high` times sqrt(L).

    sqrt(L) is the usual norm of a draw from N(0, I). Raises: UserError if the latent is zero.
    """
    behind, ahead = _weights(steps)
    norms = math.sqrt(len(latent)) * (behind * low + ahead * high)
    return (norms * _direction(latent)).to(latent.dtype)


def _weights(steps: int) -> tuple[Tensor, Tensor]:
    """Shares (steps + 1, 1) of start and end; each by its own quotient, so that a path is its own way back."""
    count = torch.arange(steps + 1, dtype=torch.float64)[:, None]
    return count.flip(0) / steps, count / steps


def _direction(latent: Tensor) -> Tensor:
    norm: Tensor = latent.double().norm()
    if norm == 0:
        raise UserError("a latent is zero and points nowhere; take another")
    return latent.double() / norm


def _angle(a: Tensor, b: Tensor) -> float:
    """Between unit vectors, in rad; exact also near 0 and pi, where the arc cosine is not (Kahan)."""
    return 2 * math.atan2(float((a - b).norm()), float((a + b).norm()))


def _with_ends(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    path = points.to(start.dtype)
    path[0], path[-1] = start, end
    return path
