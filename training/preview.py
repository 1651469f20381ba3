"""Previews during training: sound and pictures of fixed latents beside real notes."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from data.attributes import AttributeTable
from data.audio_io import write_wav
from data.nsynth import value_in_words
from generation.one_gain import gain_of_all
from generation.synthesis import Wave
from models.growth import Phase
from training.fixed_latents import FixedLatents
from utils.errors import UserError
from utils.files import explained_write_errors, write_json
from utils.pictures import save_rainbowgrams

logger = logging.getLogger(__name__)

FOLDER = "previews"


class PreviewWriter:
    """After each checkpoint, writes `previews/step_<n>/`: wavs of fixed latents, their rainbowgrams, and a card.

    The wavs of a step have one gain, so that they keep their relative levels. The rainbowgrams stand below those of
    real notes with the same labels; picture and sound also go to TensorBoard.
    A preview that cannot be made is a warning: it must not end the training.
    """

    def __init__(self, run_folder: Path, latents: FixedLatents, table: AttributeTable) -> None:
        self.run_folder, self.latents = run_folder, latents
        self.real: list[Wave] = list(latents.dataset.batch(latents.indices)[0].numpy())
        self.titles = [describe_labels(table, row) for row in latents.labels]
        self._showed_real = False

    def __call__(self, phase: Phase, step: int, board: SummaryWriter) -> None:
        """Write the preview of the networks as they are after `step` steps."""
        try:
            self._write(phase, step, board)
        except UserError as error:
            logger.warning("no preview after step %d: %s", step, error)

    def _write(self, phase: Phase, step: int, board: SummaryWriter) -> None:
        waves = self.latents.waves(phase)
        rate = self.latents.transform.sample_rate
        folder = self.run_folder / FOLDER / f"step_{step:07d}"
        gain, gain_db = gain_of_all(waves)
        sounds = [wave * np.float32(gain) for wave in waves]
        for number, sound in enumerate(sounds):
            write_wav(folder / f"fixed_latent_{number:02d}.wav", sound, rate)
        titles = [f"real {title}" for title in self.titles] + [f"generated {title}" for title in self.titles]
        save_rainbowgrams(folder / "rainbowgrams.png", [*self.real, *waves], titles, rate, columns=len(waves))
        place = {"step": step, "scale": phase.scale, "alpha": phase.alpha, "seed": self.latents.seed}
        write_json(folder / "card.json", {**place, "labels": self.titles, "gain_db": gain_db})
        with explained_write_errors(folder):
            self._to_tensorboard(board, folder / "rainbowgrams.png", sounds, step - 1)

    def _to_tensorboard(self, board: SummaryWriter, picture: Path, waves: Sequence[Wave], last_step: int) -> None:
        """Logged under the last step, like its losses, since a resumed run writes again from the next step on."""
        rate = self.latents.transform.sample_rate
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        board.add_image("previews/real_above_generated", pixels, last_step, dataformats="HWC")
        sounds = {"generated": waves} if self._showed_real else {"real": self.real, "generated": waves}
        for kind, group in sounds.items():
            for number, sound in enumerate(group):
                board.add_audio(f"{kind}/{number:02d}", torch.from_numpy(sound)[None], last_step, sample_rate=rate)
        self._showed_real = True


def describe_labels(table: AttributeTable, row: Tensor) -> str:
    """The label values of one note in words, such as `pitch 60`."""
    return ", ".join(
        f"{name} {value_in_words(name, table.value_of(name, label))}"
        for name, label in zip(table.names, row.tolist(), strict=True)
    )
