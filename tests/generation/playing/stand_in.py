"""An instrument without a network, whose notes are known: for each latent and pitch one wave."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import torch

from data.attributes import AttributeTable
from generation.midi.midi_file import Piece, PieceNote

RATE = 16_000


def note(onset, duration=0.25, pitch=60, velocity=127, channel=1, track=1, program=0):
    return PieceNote(onset, duration, pitch, velocity, channel, track, program)


def piece_of(*notes, bars=(0.0,), remarks=()):
    ordered = sorted(notes, key=lambda each: (each.onset, each.track, each.channel, each.pitch, each.duration))
    return Piece(notes=ordered, bars=list(bars), remarks=list(remarks))


def tone(rate, seconds, decibels, hertz=997.0, phase=0.0):
    time = np.arange(round(rate * seconds)) / rate
    return (10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * time + phase)).astype(np.float32)


def click(n_samples, _pitch, _latent):
    wave = np.zeros(n_samples, np.float32)
    wave[0] = 0.5
    return wave


def sine(n_samples, pitch, _latent):
    """Steady for 70 %, then faded out, as models learn it."""
    time = np.arange(n_samples) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    fade = np.clip((n_samples - np.arange(n_samples)) / (0.3 * n_samples), 0, 1)
    return (0.5 * np.cos(2 * np.pi * hertz * time) * fade).astype(np.float32)


@dataclass
class StandIn:
    """What the rendering uses of `generation.instrument.Instrument`. Latents are (1, 2): cos and sin of the seed."""

    wave: object = sine
    values: dict = field(default_factory=lambda: {"pitch": tuple(range(48, 73))})
    n_samples: int = RATE
    run_name: str = "stand-in"
    made: list = field(default_factory=list)

    @property
    def table(self):
        return AttributeTable(self.values)

    @property
    def transform(self):
        return SimpleNamespace(sample_rate=RATE, n_samples=self.n_samples)

    def latent(self, seed, truncation=None):
        return torch.tensor([[np.cos(seed), np.sin(seed)]], dtype=torch.float64)

    def labels(self, seed, fixed):
        picked = [values.index(fixed[name]) if name in fixed else seed % len(values) for name, values in self.pairs()]
        return torch.tensor([picked])

    def conditions(self, latent, labels):
        return torch.cat((latent, labels.double()), dim=1)

    def sound(self, conditions):
        column = list(self.values).index("pitch")
        waves = []
        for row in conditions.tolist():
            pitch = self.values["pitch"][int(row[2 + column])]
            self.made.append((tuple(row[:2]), *self.attributes(row)))
            waves.append(self.wave(self.n_samples, pitch, row[:2]))
        return waves

    def attributes(self, row):
        return [values[int(index)] for (_, values), index in zip(self.pairs(), row[2:], strict=True)]

    def pairs(self):
        return self.values.items()

    def to_plain(self):
        return {"run": self.run_name, "checkpoint_sha256": "0" * 64, "sample_rate": RATE}
