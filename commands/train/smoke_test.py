"""An experiment shrunk until it takes seconds, with its representation and its number of scales untouched."""

from dataclasses import replace

from utils.config import ExperimentConfig

STEPS = 2
NOTES = 16
DEPTH = 4
BATCH = 2


def shrink_to_smoke_test(experiment: ExperimentConfig) -> ExperimentConfig:
    """Two steps at each scale, batches of two, four channels, at most 16 notes; the run is `<name>-smoke-test`."""
    loader, model = experiment.loader, experiment.model
    n_scales = model.n_scales
    small = model.model_copy(
        update={
            "max_iter_at_scale": (STEPS,) * n_scales,
            "batch_size": BATCH,
            "batch_changes": None,
            "depth_scales": (DEPTH,) * n_scales,
            "alpha_jump_mode": "linear",
            "alpha_n_jumps": (1,) * n_scales,
            "alpha_size_jumps": (1,) * n_scales,
            "iter_alpha_jump": None,
            "alpha_jump_vals": None,
            "latent_dim": min(model.latent_dim, DEPTH),
        }
    )
    few = loader.model_copy(update={"size": NOTES if loader.size < 0 else min(loader.size, NOTES)})
    return replace(experiment, name=f"{experiment.name}-smoke-test", loader=few, model=small)
