"""One step of training: the discriminator's update, then the generator's."""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from models.augmentation import N_DRAWS
from models.conditions import conditioned, label_counts, widths
from models.discriminator import Judgement
from models.growth import Phase
from models.layers import enlarged, resize
from models.networks import Networks, update_ema
from models.noise import Purpose, normal_rows, uniform_rows
from training.adversarial_losses import ADVERSARIAL_LOSSES
from training.gdpp import gdpp_loss
from training.heard_quantities import HeardQuantities
from training.losses import classification_loss, drift_loss, gradient_penalty, r1_penalty, soft_targets
from utils.config import ModelConfig
from utils.device import on_device
from utils.errors import TrainingDiverged
from utils.ranks import ALONE, Ranks

ADAM_BETAS = (0.0, 0.99)
LARGE_IMAGE = 2**15
"""Pixels from which the CPU is faster with channels last (benchmarks/train_step.py); it is slower with fewer."""

Terms = dict[str, Tensor]
"""Each loss term and other number of a step by name, on the device that computes it."""


def read(steps: Sequence[Terms]) -> list[dict[str, float]]:
    """The numbers of each of `steps`, read in one transfer.

    Raises: TrainingDiverged naming the terms of the first step that are not finite: those of one network alone, since
    the other's follow from them.
    """
    numbers = iter(torch.stack([value for terms in steps for value in terms.values()]).tolist())
    found = [dict(zip(terms, numbers, strict=False)) for terms in steps]
    for place, terms in enumerate(found):
        bad = [name for name, value in terms.items() if not math.isfinite(value)]
        if bad:
            first = [name for name in bad if name.startswith("g_") == bad[0].startswith("g_")]
            raise TrainingDiverged(f"{', '.join(first)} is no longer a finite number", place)
    return found


class TrainingStep:
    """Networks and optimisers, and the update that one batch makes.

    Each of `ranks` works on an equal share of the rows of a batch: rank 0 on the first rows, and so on. Random numbers
    belong to rows, and losses and gradients are summed over the ranks, so all ranks do the same step.

    Source: Gulrajani et al. 2017 (WGAN-GP), Odena et al. 2017 (AC-GAN), Karras et al. 2018 (growth, drift, average);
    docs/options.md for the options.
    """

    def __init__(
        self,
        config: ModelConfig,
        networks: Networks,
        *,
        classified_fakes: Sequence[bool],
        seed: int,
        device: torch.device,
        data_labels: Tensor | None = None,
        heard: HeardQuantities | None = None,
        ranks: Ranks = ALONE,
        bf16: bool = False,
    ) -> None:
        """`classified_fakes` has for each attribute whether the generator is trained on its classification.

        `data_labels` (N, A) are the labels of all training notes, which `fakeLabels: frequency` draws from.
        `heard` measures quantities of generated notes, from which the discriminator learns them too.
        With `bf16` the networks compute in bfloat16, except for the penalties, whose second derivatives need float32;
        weights, losses, moments and averages stay float32.
        """
        self.config, self.networks, self.seed, self.device, self.ranks = config, networks, seed, device, ranks
        self._bf16, self._heard = bf16, heard
        self._layout = torch.contiguous_format
        if device.type == "cpu" and math.prod(networks.sizes[-1]) >= LARGE_IMAGE:
            self._layout = torch.channels_last
            _put_channels_last(networks.generator)
            _put_channels_last(networks.discriminator)
        # Reading a number from a GPU waits for all work under way. The fused Adam of CUDA can be told to leave the
        # weights alone; that of Apple's MPS cannot, so that every other device is looked at before each update.
        self.looks_at_once = device.type != "cuda"
        self._diverged = torch.zeros((), device=device)
        self._classified_fakes = list(classified_fakes)
        self._options = [config.at_scale(scale) for scale in range(config.n_scales)]
        n_attributes = len(self._classified_fakes)
        self._data_labels = torch.empty(0, n_attributes, dtype=torch.long) if data_labels is None else data_labels
        if not len(self._data_labels) and any(options.fake_labels == "frequency" for options in self._options):
            raise ValueError("fakeLabels frequency needs the labels of the data")
        self.reset_optimizers()

    def reset_optimizers(self) -> None:
        """Reset Adam's moments of all parameters of both networks."""
        rate_g, rate_d = self.config.learning_rates
        self.optimizer_g = _adam(self.networks.generator, rate_g)
        self.optimizer_d = _adam(self.networks.discriminator, rate_d)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimisers by the name they have in a checkpoint."""
        return {"optimizer_g": self.optimizer_g, "optimizer_d": self.optimizer_d}

    def own_notes(self, phase: Phase) -> list[range]:
        """Places in the stream of notes that `run` needs on this rank in `phase`: one range for each update."""
        n_updates = self._options[phase.scale].updates_of_discriminator
        share = phase.batch_size // (n_updates * self.ranks.size)
        return [range(first, first + share) for first in self._own_first_notes(phase, n_updates, share)]

    def _own_first_notes(self, phase: Phase, n_updates: int, share: int) -> list[int]:
        return [phase.first_note + (update * self.ranks.size + self.ranks.rank) * share for update in range(n_updates)]

    def run(self, phase: Phase, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Do what `launch` does, and wait for it. Raises: TrainingDiverged, as `read` does."""
        return read([self.launch(phase, images, labels)])[0]

    def launch(self, phase: Phase, images: Tensor, labels: Tensor) -> Terms:
        """Update all networks with full-size real `images` (B, C, F, T) and their `labels` (B, A): the `own_notes`.

        With `iter_D_G_ratio` n, B is n batches: the discriminator is updated on each, the generator once, after the
        last. Returns every loss term of the last updates, the gradient norms and the largest critic slope, of the
        whole batch of all ranks.

        Once a term is not finite, the weights of both networks no longer change. This raises TrainingDiverged at once;
        with CUDA, `read` raises it when the numbers are read.
        """
        options = self._options[phase.scale]
        if phase.iteration == 0 and self.config.reset_optimizer_at_growth:
            self.reset_optimizers()
        self._set_rates(options.learning_rates_at(phase.iteration, self.config.max_iter_at_scale[phase.scale]))
        n_updates = options.updates_of_discriminator
        share = len(images) // n_updates
        terms: Terms = {}
        for update, first_note in enumerate(self._own_first_notes(phase, n_updates, share)):
            rows = slice(update * share, (update + 1) * share)
            phase = replace(phase, batch_size=share, first_note=first_note)
            real = self._at_scale(images[rows], phase)
            strength = options.penalty_strength_at(phase.iteration * n_updates + update)
            terms = _still_bad(terms, self._update_discriminator(real, labels[rows], phase, strength))
        if options.gdpp:
            read([terms])  # GDPP waits for the device anyway, and needs finite features
        features = self._features(real, phase) if options.gdpp else None
        terms |= self._update_generator(labels[rows], phase, features)
        update_ema(self.networks.ema, self.networks.generator, options.ema_decay_after(len(images) * self.ranks.size))
        return terms

    def _set_rates(self, rates: tuple[float, float]) -> None:
        for optimizer, rate in zip((self.optimizer_g, self.optimizer_d), rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate

    def _update_discriminator(self, real: Tensor, labels: Tensor, phase: Phase, strength: int) -> Terms:
        """`strength` is what the weights of the penalties are multiplied by; with 0 they are not computed."""
        options, discriminator, ranks = self._options[phase.scale], self.networks.discriminator, self.ranks
        loss = ADVERSARIAL_LOSSES[options.loss_mode]
        with torch.no_grad():
            fake_labels = self.fake_labels(labels, phase)
            fake = self._generate(Purpose.DISCRIMINATOR_LATENT, fake_labels, phase)
            heard = self._heard.of(fake, self.networks.generator) if self._heard else None
            n_mixed = ranks.own_among_last(options.n_mixed(len(real) * ranks.size, phase.scale), len(real))
            real, labels = _mixed(real, fake, n_mixed), _mixed(labels, fake_labels, n_mixed)
            real = self._augmented(real, Purpose.AUGMENT_REAL, phase)
            fake = self._augmented(fake, Purpose.AUGMENT_FAKE, phase)
        real.requires_grad_(strength * options.r1_weight > 0)
        of_real, of_fake = self._judge_both(real, fake, phase)
        losses, watched = {"d_real": loss.real(of_real.critic), "d_fake": loss.fake(of_fake.critic)}, {}
        if weight := strength * options.gradient_penalty_weight:
            mix = self._uniform(Purpose.PENALTY_MIX, phase, len(real), 1)[:, 0]
            penalty, slope = gradient_penalty(lambda x: self._judge(x, phase, exactly=True).critic, real, fake, mix)
            watched["critic_slope"] = ranks.gather(slope[None]).max()
            losses["d_gradient_penalty"] = weight * loss.over_batch(penalty, len(real))
        losses["d_drift"] = options.drift_weight * loss.over_batch(drift_loss(of_real.critic), len(real))
        if weight := strength * options.r1_weight:
            losses["d_r1"] = weight * loss.over_batch(r1_penalty(of_real.critic, real), len(real))
        losses = {name: self._part(value, summed=loss.summed) for name, value in losses.items()}
        if self.networks.n_values:
            soft = self._soft_targets(labels, Purpose.SOFT_LABEL_REAL, phase)
            classification = classification_loss(of_real.logits, labels, self.networks.n_values, soft=soft)
            losses["d_classification"] = options.condition_weight_d * self._part(classification)
        if discriminator.augmentation:
            # a copy, since adapt() changes it below
            watched["augment_probability"] = discriminator.augmentation.probability.clone()
        if self._heard and heard is not None:
            losses["d_heard"] = options.condition_weight_d * self._part(self._heard.error(of_fake.logits, heard))
        terms = self._descend(losses, "d", discriminator, self.optimizer_d, watched)
        if discriminator.augmentation:
            discriminator.augmentation.adapt(ranks.gather(of_real.critic.detach()))
        return terms

    def _update_generator(self, labels: Tensor, phase: Phase, real_features: Tensor | None = None) -> Terms:
        """`real_features` (B, D) are those of the real images of all ranks, if GDPP needs them."""
        options = self._options[phase.scale]
        loss = ADVERSARIAL_LOSSES[options.loss_mode]
        with _frozen(self.networks.discriminator):
            labels = self.fake_labels(labels, phase)
            fake = self._generate(Purpose.GENERATOR_LATENT, labels, phase)
            fake = self._augmented(fake, Purpose.AUGMENT_GENERATOR, phase)
            of_fake = self._judge(fake, phase)
            losses = {"g_fake": self._part(loss.generator(of_fake.critic), summed=loss.summed)}
            if self.networks.n_values:
                soft = self._soft_targets(labels, Purpose.SOFT_LABEL_FAKE, phase)
                classification = classification_loss(
                    of_fake.logits, labels, self.networks.n_values, self._classified_fakes, soft=soft
                )
                losses["g_classification"] = options.condition_weight_g * self._part(classification)
            if real_features is not None:
                gdpp = gdpp_loss(self.ranks.gather(of_fake.feature), real_features)
                losses["g_gdpp"] = options.gdpp_weight * self._part(gdpp)
            return self._descend(losses, "g", self.networks.generator, self.optimizer_g)

    def _descend(
        self,
        losses: Terms,
        letter: str,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        watched: Terms | None = None,
    ) -> Terms:
        """One backward pass on the sum of the losses and one optimiser step, if all numbers are finite.

        These are the losses, the norm of the gradient and what is `watched`. Losses and gradients are summed over the
        ranks first, so that all ranks continue or stop together.
        """
        values = torch.stack(list(losses.values()))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(values.sum())
        values = values.detach()
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        self.ranks.sum_([*gradients, values])
        norm = torch.nn.utils.get_total_norm(gradients)
        named = dict(zip(losses, values, strict=True)) | (watched or {})
        named |= {f"{letter}_total": values.sum(), f"{letter}_gradient_norm": norm}
        terms = {name: value.detach() for name, value in named.items()}
        if self.looks_at_once:
            read([terms])
        else:
            broken = ~torch.stack(list(terms.values())).isfinite().all()
            self._diverged = torch.maximum(self._diverged, broken.to(self._diverged))
            # the switch of CUDA's fused optimiser: if it is 1, weights and moments stay as they are
            optimizer.found_inf = self._diverged  # type: ignore[attr-defined]
        optimizer.step()
        return terms

    def _part(self, loss: Tensor, *, summed: bool = False) -> Tensor:
        """What the loss of this rank's rows contributes to that of the batch: a sum over ranks, or else their mean."""
        return loss if summed or self.ranks.size == 1 else loss / self.ranks.size

    def _judge(self, images: Tensor, phase: Phase, *, exactly: bool = False, n_batches: int = 1) -> Judgement:
        """The discriminator's outputs for `images`, as float32; with `exactly`, computed in float32 as well."""
        with self._precision(exactly=exactly):
            place = phase.scale, phase.alpha
            judgement: Judgement = self.networks.discriminator(images, *place, self.ranks, n_batches=n_batches)
        return Judgement(*(part.to(images.dtype) for part in judgement))

    def _judge_both(self, real: Tensor, fake: Tensor, phase: Phase) -> tuple[Judgement, Judgement]:
        """The outputs for both, from one pass, unless R1 needs those for the real images computed in float32."""
        if real.requires_grad:
            return self._judge(real, phase, exactly=True), self._judge(fake, phase)
        both = self._judge(torch.cat((real, fake)), phase, n_batches=2)
        of_real, of_fake = (Judgement(*parts) for parts in zip(*(part.chunk(2) for part in both), strict=True))
        return of_real, of_fake

    def _precision(self, *, exactly: bool = False) -> AbstractContextManager[object]:
        if self._bf16 and not exactly:
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def align_moments(self) -> None:
        """Give Adam's moments the memory layout of their parameters; loaded ones may have another.

        The fused step reads both in memory order, and would otherwise pair moments with the wrong weights.
        """
        for optimizer in self.optimizers().values():
            for parameter, state in optimizer.state.items():
                for name in ("exp_avg", "exp_avg_sq"):
                    state[name] = torch.empty_like(parameter.detach()).copy_(state[name])

    @torch.no_grad()
    def _features(self, real: Tensor, phase: Phase) -> Tensor:
        seen = self._augmented(real, Purpose.AUGMENT_REAL, phase)
        return self.ranks.gather(self._judge(seen, phase).feature)

    def _generate(self, purpose: Purpose, labels: Tensor, phase: Phase) -> Tensor:
        latent = normal_rows(self.seed, purpose, phase.first_note, len(labels), self.config.latent_dim)
        latent = on_device(latent, self.device)
        condition = conditioned(latent, labels, self.networks.n_values)
        with self._precision():
            images: Tensor = self.networks.generator(condition, phase.scale, phase.alpha)
        return images.to(latent.dtype)

    def fake_labels(self, labels: Tensor, phase: Phase) -> Tensor:
        """Labels (B, A) for the generated images of a batch whose real images have `labels`."""
        source, n_values = self._options[phase.scale].fake_labels, self.networks.n_values
        if source == "batch" or not n_values:
            return labels
        # in float64, so that no product is rounded up to the number of choices
        draws = uniform_rows(self.seed, Purpose.FAKE_LABEL, phase.first_note, len(labels), len(n_values)).double()
        if source == "uniform":
            return on_device((draws * torch.tensor(label_counts(n_values))).long(), self.device)
        return on_device(self._data_labels[(draws[:, 0] * len(self._data_labels)).long()], self.device)

    def _soft_targets(self, labels: Tensor, purpose: Purpose, phase: Phase) -> Tensor | None:
        n_values = self.networks.n_values
        if not self._options[phase.scale].soft_labels:
            return None
        return soft_targets(labels, n_values, self._uniform(purpose, phase, len(labels), sum(widths(n_values))))

    def _augmented(self, images: Tensor, purpose: Purpose, phase: Phase) -> Tensor:
        augmentation = self.networks.discriminator.augmentation
        if augmentation is None:
            return images
        augmented: Tensor = augmentation(images, self._uniform(purpose, phase, len(images), N_DRAWS))
        return augmented

    def _uniform(self, purpose: Purpose, phase: Phase, count: int, size: int) -> Tensor:
        return on_device(uniform_rows(self.seed, purpose, phase.first_note, count, size), self.device)

    def _at_scale(self, images: Tensor, phase: Phase) -> Tensor:
        """Real images at the size of the phase, blended with the previous scale's version as generated ones are."""
        size = self.networks.sizes[phase.scale]
        images = resize(images, size)
        if phase.alpha > 0:
            older = resize(images, self.networks.sizes[phase.scale - 1])
            older = enlarged(older, size, smooth=self.networks.generator.smooth)
            images = phase.alpha * older + (1 - phase.alpha) * images
        # torch cannot tell the layout of the first layer's 1x1 kernels, which would otherwise undo this one
        return images.contiguous(memory_format=self._layout)


def _still_bad(before: Terms, after: Terms) -> Terms:
    """The terms `after` an update, with those `before` it that were not finite, so that they are not overlooked.

    Penalties that the last update did not compute are those of the one before it.
    """
    kept = {name: torch.where(before[name].isfinite(), after[name], before[name]) for name in before.keys() & after}
    return before | after | kept


def _mixed(real: Tensor, fake: Tensor, count: int) -> Tensor:
    """`real` with its last `count` rows replaced by those of `fake`."""
    return torch.cat((real[:-count], fake[-count:])) if count else real


def _put_channels_last(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=ADAM_BETAS, fused=True)


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Within the block, gradients flow through `network`, but its weights collect none."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
