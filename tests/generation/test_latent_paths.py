"""Paths of latents: their ends, norms and angles, and where there is none."""

import math

import pytest
import torch

from generation.latent_paths import circle, linear, radius, spherical
from utils.errors import UserError

ABOUT_ONE_ULP = 1e-6  # relative, of float32 latents
SEGMENTS = [linear, spherical]


def draws(count, size=64, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def angles_to(path, start):
    cosines = (path.double() @ start.double()) / path.double().norm(dim=1) / start.double().norm()
    return torch.arccos(cosines.clamp(-1, 1))


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_ends_are_exactly_the_given_latents(segment, steps):
    for seed in range(20):
        start, end = draws(2, seed=seed)
        path = segment(start, end, steps)
        assert path.shape == (steps + 1, 64)
        assert path.dtype == torch.float32
        assert torch.equal(path[0], start)
        assert torch.equal(path[-1], end)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_way_back_is_the_same_way(segment):
    start, end = draws(2)
    assert torch.equal(segment(start, end, 7), segment(end, start, 7).flip(0))


@pytest.mark.parametrize("segment", SEGMENTS)
def test_finer_steps_meet_the_coarser_ones(segment):
    start, end = draws(2)
    torch.testing.assert_close(segment(start, end, 12)[::3], segment(start, end, 4), rtol=ABOUT_ONE_ULP, atol=1e-6)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_path_between_equal_latents_stays_there(segment):
    (start,) = draws(1)
    torch.testing.assert_close(segment(start, start, 5), start.expand(6, -1), rtol=ABOUT_ONE_ULP, atol=0)


def test_linear_steps_are_even():
    start, end = draws(2)
    step = linear(start, end, 8).double().diff(dim=0)
    torch.testing.assert_close(step, ((end - start).double() / 8).expand(8, -1), rtol=0, atol=1e-6)


def test_spherical_goes_in_even_angles_with_norms_from_one_to_the_other():
    start, end = draws(2)
    end = 3 * end
    path = spherical(start, end, 10)
    norms = path.double().norm(dim=1)
    assert norms.diff().tolist() == pytest.approx([float(end.norm() - start.norm()) / 10] * 10, rel=1e-5)
    angles = angles_to(path, start)
    whole = float(angles_to(end[None], start))
    assert angles[1:].tolist() == pytest.approx([whole * k / 10 for k in range(1, 11)], rel=1e-5)
    assert torch.linalg.matrix_rank(path.double(), tol=1e-4) == 2


@pytest.mark.parametrize("angle", [1e-4, 1e-3, 5e-3, math.pi - 1e-3])
def test_spherical_stays_on_the_sphere_also_where_the_arc_is_almost_a_line(angle):
    start, end = torch.tensor([1.0, 0.0]), torch.tensor([math.cos(angle), math.sin(angle)])
    path = spherical(start, end, 4)
    assert path.double().norm(dim=1).tolist() == pytest.approx([1] * 5, abs=2e-7)
    assert torch.atan2(path[:, 1], path[:, 0]).tolist() == pytest.approx([angle * k / 4 for k in range(5)], rel=1e-3)


def test_circle_closes_to_the_last_bit_of_the_smallest_number():
    start = torch.tensor([3.0, 1e-20])
    assert torch.equal(circle(start, torch.tensor([0.0, 1.0]), 5)[-1], start)


@pytest.mark.parametrize("size", [2, 4, 64])
def test_circle_closes_at_even_angles_and_keeps_its_norm(size):
    start, towards = draws(2, size=size)
    path = circle(start, towards, 12)
    assert path.shape == (13, size)
    assert torch.equal(path[0], start)
    assert torch.equal(path[-1], start)
    assert path.norm(dim=1).tolist() == pytest.approx([float(start.norm())] * 13, rel=1e-6)
    between = [float(angles_to(path[k + 1 : k + 2], path[k])) for k in range(12)]
    assert between == pytest.approx([2 * math.pi / 12] * 12, rel=1e-4)
    torch.testing.assert_close(path[6], -start, rtol=0, atol=1e-5)
    assert torch.linalg.matrix_rank(path.double(), tol=1e-4) == 2


def test_circle_sets_out_towards_the_second_latent_and_goes_through_its_direction():
    start, towards = torch.tensor([3.0, 0.0]), torch.tensor([-1.0, 1.0])
    path = circle(start, towards, 8)
    assert path[1].tolist() == pytest.approx([3 / math.sqrt(2)] * 2, rel=1e-6)
    torch.testing.assert_close(path[3], 3 * towards / math.sqrt(2), rtol=1e-6, atol=1e-6)


def test_radius_keeps_direction_and_has_even_norms():
    (latent,) = draws(1)
    path = radius(latent, 0.5, 2.0, 6)
    assert path.dtype == torch.float32
    assert path.norm(dim=1).tolist() == pytest.approx([8 * r for r in (0.5, 0.75, 1, 1.25, 1.5, 1.75, 2)], rel=1e-6)
    for point in path:
        torch.testing.assert_close(point / point.norm(), latent / latent.norm(), rtol=1e-5, atol=1e-7)
    assert not radius(latent, 0, 2.0, 6)[0].any()


def test_where_there_is_no_path_is_said():
    (latent,) = draws(1)
    with pytest.raises(UserError, match="opposite directions"):
        spherical(latent, -2 * latent, 4)
    for other in (latent, 2 * latent, -latent):
        with pytest.raises(UserError, match="one line through 0"):
            circle(latent, other, 4)
    with pytest.raises(UserError, match="one line through 0"):
        circle(torch.tensor([1.0]), torch.tensor([0.3]), 4)
    for path in (spherical, circle):
        with pytest.raises(UserError, match="a latent is zero"):
            path(latent, 0 * latent, 4)
    with pytest.raises(UserError, match="a latent is zero"):
        radius(0 * latent, 0, 1, 4)
