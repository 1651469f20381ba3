"""What ranks compute together; real processes are in tests/test_torchrun.py."""

import pytest
import torch

from models.growth import GrowthSchedule
from models.layers import minibatch_stddev
from tests.models.small import SHAPE, changed, phase, small_config, small_step, snapshot
from tests.utils.thread_ranks import Exchange
from training import training_step
from training.losses import gradient_penalty
from utils import ranks as distributed
from utils.errors import ConfigError, RankLost, TrainingDiverged
from utils.ranks import ALONE, Ranks, joined_ranks, own_device

CPU = torch.device("cpu")
LAST = torch.channels_last


@pytest.fixture
def exchange(monkeypatch):
    """exchange(size): so many threads that can talk as ranks."""

    def opened(size):
        return Exchange(size, monkeypatch)

    return opened


@pytest.mark.parametrize(("size", "batch"), [(2, 4), (2, 8), (4, 8), (3, 6), (2, 2)])
def test_ranks_compute_the_spread_of_the_whole_batch(exchange, size, batch):
    x = torch.randn(batch, 3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parts = exchange(size).run(lambda ranks: minibatch_stddev(ranks.own(x), ranks))
    assert torch.equal(torch.cat(parts), minibatch_stddev(x))


@pytest.mark.parametrize(("size", "batch"), [(2, 8), (4, 8), (3, 6)])
def test_gather_is_differentiated_twice_as_on_one_process(exchange, size, batch):
    x = torch.randn(batch, 3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight = torch.full((3, 1, 1), 1.5, dtype=torch.float64)

    def by_weight(ranks):
        own = weight.clone().requires_grad_()
        rows = ranks.own(x)

        def critic(between):
            return minibatch_stddev(between * own, ranks).square()

        penalty, _ = gradient_penalty(critic, rows, rows.flip(1), torch.full((len(rows),), 0.25, dtype=x.dtype))
        loss = penalty + critic(rows).pow(2).sum()
        (gradient,) = torch.autograd.grad(loss, own)
        return loss.detach(), gradient

    losses, gradients = zip(*exchange(size).run(by_weight), strict=True)
    loss, gradient = by_weight(ALONE)
    torch.testing.assert_close(sum(losses), loss, rtol=1e-13, atol=0)
    torch.testing.assert_close(sum(gradients), gradient, rtol=1e-12, atol=0)


def test_both_derivatives_of_gather_meet_finite_differences(exchange):
    place, way = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def of_slopes(x, *, differentiated=False):
        """Sum over ranks of a function of the slopes of all ranks' losses, or its own slope along `way`."""

        def work(ranks):
            rows = ranks.own(x).clone().requires_grad_()
            gathered = ranks.gather(rows)
            loss = (gathered.prod(dim=0) * (ranks.rank + 1)).sum() + ranks.own(gathered.pow(4)).sum()
            (slope,) = torch.autograd.grad(loss, rows, create_graph=True)
            result = slope.sin().sum()
            if differentiated:
                result = (torch.autograd.grad(result, rows)[0] * ranks.own(way)).sum()
            return result.detach()

        return sum(exchange(2).run(work))

    measured = (of_slopes(place + 1e-5 * way) - of_slopes(place - 1e-5 * way)) / 2e-5
    torch.testing.assert_close(of_slopes(place, differentiated=True), measured, rtol=1e-6, atol=0)


OPTIONS = {
    "as published": {},
    "no stddev": {"miniBatchStdDev": False},
    "means, R1": {"lossMode": "Logistic", "logisticGradReal": 5.0},
    "hinge, soft labels": {"lossMode": "Hinge", "soft_labels": True, "fakeLabels": "uniform"},
    "mixture": {"mix_true_fake": True, "true_fake_split": 0.4},
    "diversity": {"GDPP": True},
    "augmentation": {"augmentProbability": 0.5},
    "adaptive augmentation": {"augmentTarget": 0.6, "lossMode": "Logistic"},
    "two updates": {"iter_D_G_ratio": 2, "emaHalfLife": 30},
    "another loss and batch at a scale": {"configScheduler": {"1": {"lossMode": "MSE"}}, "miniBatchSize": [8, 4, 4]},
}
STEPS = (0, 1, 4, 5, 6, 9, 10, 12)
"""Of the schedule of `small_config`: the first two of each scale, and some later in its fade."""


def learned(step, *, dtype):
    """Terms of each of STEPS, and all tensors after the last, of one rank on its rows of the same notes."""
    for network in step.networks.all().values():
        network.to(dtype)
    step.reset_optimizers()
    schedule = GrowthSchedule(step.config)
    notes = torch.randn(300, *SHAPE, generator=torch.Generator().manual_seed(1)).to(dtype)
    labels = torch.stack((torch.arange(300) % 3, torch.arange(300) % 2), dim=1)
    terms = []
    for number in STEPS:
        places = torch.cat([torch.arange(own.start, own.stop) for own in step.own_notes(schedule.at(number))])
        terms.append(step.run(schedule.at(number), notes[places], labels[places]))
    return terms, snapshot(step)


def learned_by_both(exchange, published, size, dtype):
    """What `learned` returns for one process, and for each rank."""
    config = small_config(**published)
    # built here: start weights are drawn from the one generator that threads share
    alone, *steps = (
        small_step(config, (3, 2), ranks=ranks) for ranks in (ALONE, *(Ranks(k, size) for k in range(size)))
    )
    table = exchange(size)
    found = table.run(lambda ranks: learned(steps[ranks.rank], dtype=dtype))
    assert all(said == table.said[0] for said in table.said)
    return learned(alone, dtype=dtype), found


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("published", OPTIONS.values(), ids=OPTIONS)
def test_ranks_learn_what_one_process_learns(exchange, monkeypatch, published, size):
    for name in ("normal_rows", "uniform_rows"):
        draw = getattr(training_step, name)
        monkeypatch.setattr(training_step, name, lambda *place, draw=draw: draw(*place).double())
    (terms, weights), ranks = learned_by_both(exchange, published, size, torch.float64)
    for rank_terms, rank_weights in ranks:
        assert rank_terms == ranks[0][0]
        assert not changed(ranks[0][1], rank_weights)
    for one, several in zip(terms, ranks[0][0], strict=True):
        assert one == pytest.approx(several, rel=1e-10, abs=1e-12)
    for name, value in weights.items():
        torch.testing.assert_close(ranks[0][1][name], value, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("published", [OPTIONS["as published"], OPTIONS["means, R1"]])
def test_in_float32_ranks_differ_by_rounding(exchange, published):
    (terms, weights), ranks = learned_by_both(exchange, published, 2, torch.float32)
    for one, several in zip(terms, ranks[0][0], strict=True):
        assert one == pytest.approx(several, rel=1e-4, abs=1e-5)
    # Adam makes steps of one size, here 1e-3, also where a gradient is hardly more than rounding
    for name in (name for name in weights if not name.startswith("optimizer")):
        torch.testing.assert_close(ranks[0][1][name], weights[name], rtol=1e-4, atol=1e-4)


def test_a_number_that_is_not_finite_stops_all_ranks_before_a_weight_moves(exchange):
    config = small_config()
    steps = [small_step(config, ranks=Ranks(rank, 2)) for rank in range(2)]
    before = [snapshot(step) for step in steps]

    def work(ranks):
        images = torch.full((2, *SHAPE), float("nan") if ranks.rank else 0.5)
        with pytest.raises(TrainingDiverged, match="d_real"):
            steps[ranks.rank].run(phase(1), images, torch.zeros(2, 1, dtype=torch.long))
        return True

    assert all(exchange(2).run(work))
    assert not any(changed(was, snapshot(step)) for was, step in zip(before, steps, strict=True))


def test_ranks_agree_and_wait_for_the_leader(exchange):
    written = []

    def work(ranks):
        with ranks.leader_first():
            written.append(ranks.rank)
        told = ranks.of_leader(lambda: {"scale": [0.1, 1e-300], "of": ranks.rank, "ä": None})
        ranks.wait()
        return told, ranks.any(ranks.rank == 2), ranks.any(False)

    assert exchange(3).run(work) == [({"scale": [0.1, 1e-300], "of": 0, "ä": None}, True, False)] * 3
    assert written[0] == 0
    with ALONE.leader_first():
        assert (ALONE.any(True), ALONE.any(False), ALONE.of_leader(lambda: 5), ALONE.leads) == (True, False, 5, True)


def test_sum_keeps_shapes_types_and_what_one_process_has(exchange):
    def work(ranks):
        tensors = [
            torch.full((2, 3), 1.0 + ranks.rank),
            torch.tensor(4.0),
            torch.ones(2, 2, 3, 3).to(memory_format=LAST),
        ]
        ranks.sum_(tensors)
        return tensors

    for tensors in exchange(2).run(work):
        assert [tensor.unique().tolist() for tensor in tensors] == [[3.0], [8.0], [2.0]]
        assert tensors[2].is_contiguous(memory_format=LAST)
    assert [tensor.unique().tolist() for tensor in work(ALONE)] == [[1.0], [4.0], [1.0]]


def test_rows_of_the_end_of_a_batch_belong_to_the_last_ranks():
    for count in range(13):
        owned = [Ranks(rank, 3).own_among_last(count, 4) for rank in range(3)]
        batch = torch.arange(12) >= 12 - count
        assert owned == [int(Ranks(rank, 3).own(batch).sum()) for rank in range(3)]


def test_a_lost_rank_is_one_line(monkeypatch):
    def failing(_tensor):
        raise RuntimeError("Connection closed by peer [127.0.0.1]:1\nand more")

    monkeypatch.setattr(distributed.dist, "all_reduce", failing)
    with pytest.raises(
        RankLost, match=r"ended or does not answer \(Connection closed by peer .*what was saved is kept"
    ) as told:
        Ranks(0, 2).wait()
    assert "\n" not in str(told.value)


def test_without_torchrun_or_with_one_process_nothing_is_joined(monkeypatch):
    for world in (None, "1"):
        monkeypatch.delenv("WORLD_SIZE", raising=False) if world is None else monkeypatch.setenv("WORLD_SIZE", world)
        with joined_ranks(CPU) as ranks:
            assert ranks == ALONE
        assert own_device("cpu") == CPU


def test_processes_that_torchrun_did_not_start_are_one_line(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(ConfigError, match="LOCAL_RANK is not; start several processes by torchrun"):
        own_device("cpu")


def test_devices_that_processes_cannot_have(monkeypatch):
    for name, value in {"WORLD_SIZE": "3", "LOCAL_RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    assert own_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="no GPU for process 3, this machine has 2"):
        own_device("auto")
    with pytest.raises(ConfigError, match="device cuda:1: each process needs its own GPU"):
        own_device("cuda:1")
    with pytest.raises(ConfigError, match="device mps: several processes"), joined_ranks(torch.device("mps")):
        pass
