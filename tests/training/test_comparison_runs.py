"""What a comparison trains, before anything is trained."""

import pytest

from models.equal_size import total_parameters
from tests.commands.comparisons import write_comparison
from training import comparison_runs
from training.comparison_runs import plan_runs, write_config
from utils.comparison_file import load_comparison
from utils.config_file import load_experiment
from utils.errors import CheckpointError


@pytest.fixture
def plan(experiment_dict, tmp_path):
    return lambda **changes: plan_runs(load_comparison(write_comparison(experiment_dict, tmp_path, **changes)[0]))


def test_networks_have_the_same_depths_with_every_seed(plan):
    runs = plan(seeds=[4, 2], parameters=20_000)
    assert [(run.title, run.seed) for run in runs] == [("mag-if", 4), ("complex", 4), ("mag-if", 2), ("complex", 2)]
    for first, second in zip(runs[:2], runs[2:], strict=True):
        assert first.experiment.model == second.experiment.model
        # four pitches; the images of both representations have two channels
        assert first.parameters == total_parameters(first.experiment.model, (2, 32, 16), (4,))
        assert first.parameters == pytest.approx(20_000, rel=0.1)
    assert runs[0].in_words().startswith(f"mag-if_seed4: {runs[0].parameters:,} parameters with depthScales [")


def test_without_a_number_of_parameters_the_depths_are_those_of_the_configs(plan):
    for run in plan():
        assert run.experiment.model.depth_scales == (4, 4, 4, 4)
        assert run.parameters == total_parameters(run.experiment.model, (2, 32, 16), (4,))


def test_notes_that_representations_share_are_counted_once(plan, monkeypatch):
    original, counted = comparison_runs.count_labels, []

    def count(experiment, seed):
        counted.append(experiment.name)
        return original(experiment, seed)

    monkeypatch.setattr(comparison_runs, "count_labels", count)
    few = {"config": "stft.json", "loaderConfig": {"pitch_range": [60, 62]}}
    runs = plan(representations={"mag-if": "mag-if.json", "complex": "stft.json", "few": few})
    assert counted == ["mag-if", "few"]
    assert runs[2].parameters == total_parameters(runs[2].experiment.model, (2, 32, 16), (2,))


def test_kept_config_is_the_whole_run(plan):
    for run in plan(parameters=20_000):
        write_config(run)
        assert load_experiment(run.config_path) == run.experiment


def test_checkpoint_of_another_schedule_is_one_line(plan):
    run = plan()[0]
    (run.run_folder / "checkpoints").mkdir(parents=True)
    (run.run_folder / "checkpoints" / "s0_i0000099.pt").write_bytes(b"")
    with pytest.raises(CheckpointError, match="has no place in the schedule of this run; move its folder away"):
        run.state()
