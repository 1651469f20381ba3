"""What may be done to a latent before the generator hears it; `controlled_latents` does it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LatentControls:
    """Applied in this order. A generator with pixel norm hears only how the latent compares with the one-hots.

    Pixel norm brings latent and one-hots together to one length. A smaller latent therefore makes the attributes
    stronger, beyond what they had in training, and the level of the notes rises with them.
    """

    truncation: float | None = None
    """Largest absolute value of a number; None: no bound. It makes latents smaller, so that it acts as scaling does."""
    keep_norm: bool = False
    """Whether a bounded latent gets its length back: its direction changes then, but not the weight of attributes."""
    latent_scale: float | None = None
    """Factor of the whole latent; None: 1. Its inverse would be a factor of the one-hots."""

    def __post_init__(self) -> None:
        if self.keep_norm and self.truncation is None:
            raise ValueError("keeping the norm goes with a truncation")

    def as_flags(self) -> list[str]:
        """The words of a command line that set these controls."""
        words = [] if self.truncation is None else ["--truncation", f"{self.truncation:g}"]
        words += ["--keep-norm"] if self.keep_norm else []
        return words if self.latent_scale is None else [*words, "--latent-scale", f"{self.latent_scale:g}"]

    def in_words(self) -> str:
        """The controls that are set, such as `, truncation 0.5`; nothing if there is none."""
        said = "" if self.truncation is None else f", truncation {self.truncation:g}"
        said += " with the norm kept" if self.keep_norm else ""
        return said if self.latent_scale is None else f"{said}, latents times {self.latent_scale:g}"


NO_CONTROLS = LatentControls()
