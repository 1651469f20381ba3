"""How much of a note is harmonics of its fundamental, and how much is noise between them."""

import numpy as np
import numpy.typing as npt
from scipy.signal.windows import blackmanharris

from data.note_pitch import hertz
from evaluation.note_sound.held_part import held_slice, is_held, require_waves
from utils.arrays import Float64Array

LARGEST_DB = 80.0  # 16 bits end near here
SMALLEST_DB = -30.0
HALF_WIDTH_HZ = 12.5  # the window's main lobe has 10 Hz; vibrato of a flute stays inside
LARGEST_SHARE = 0.3  # of the fundamental, so that there is something between low harmonics
_OVERSAMPLING = 4
_TINY = 1e-12
_NEAR_DB = 3.0  # twice the noise
_COARSE_CENTS = np.arange(-50, 51, 5)
_FINE_CENTS = np.arange(-4, 5)
_SHARPEST = 2 ** (54 / 1200)  # that is tried


def harmonic_to_noise_db(waves: npt.ArrayLike, sample_rate: int, pitches: npt.ArrayLike) -> Float64Array:
    """Harmonic-to-noise ratio in dB of waves (n, n_samples) at each of MIDI `pitches` (p,): (n, p), -30 to 80.

    Of the power spectrum between 0.2 and 0.6 s (Blackman-Harris window), what lies within 12.5 Hz (0.3 of the
    fundamental below MIDI 36) of a multiple of the fundamental belongs to a harmonic; the noise there is taken to be
    as dense as between them, so that white noise is measured without bias. The fundamental is the one within 50 cents
    of the pitch that leaves the least outside. Partials that are not harmonic (bells, the upper ones of low piano
    notes) count as noise, and so does what lets a partial waver faster or farther than 12.5 Hz. NaN where the held part
    is silent. It holds from MIDI 24 up, as long as the fundamental is below half the sample rate.
    Raises: ValueError as `require_waves`, or if a fundamental is not below half the sample rate.
    Source: after Qi and Hillman 1997, Temporal and spectral estimations of harmonics-to-noise ratio in human voice
    signals, JASA 102(1); with the noise under harmonics as in Kasuya et al. 1986, Normalized noise energy, JASA 80(5).
    """
    waves = require_waves(waves, sample_rate)
    fundamentals = np.array([hertz(pitch) for pitch in np.asarray(pitches, dtype=np.float64)])
    if fundamentals.max() * _SHARPEST + HALF_WIDTH_HZ > sample_rate / 2:
        raise ValueError(f"a fundamental of {fundamentals.max():.0f} Hz needs a higher sample rate than {sample_rate}")
    sounding = is_held(waves, sample_rate)
    ratios = np.full((len(waves), len(fundamentals)), np.nan)
    cumulative, spacing = _cumulative_power(waves[sounding, held_slice(sample_rate)], sample_rate)
    for column, fundamental in enumerate(fundamentals):
        ratios[sounding, column] = _best_ratio(cumulative, spacing, fundamental)
    return ratios


def heard_pitch(ratios: Float64Array) -> npt.NDArray[np.intp]:
    """Of harmonic-to-noise ratios (n, p) at rising pitches, the column (n,) of the one that is heard.

    An octave or a twelfth below fits as well as the fundamental itself, so the highest pitch is taken that comes within
    3 dB of the best one and fits better than its neighbours. Rows of NaN have the last column.
    """
    beside = np.pad(ratios, ((0, 0), (1, 1)), constant_values=-np.inf)
    peaks = (ratios >= beside[:, :-2]) & (ratios >= beside[:, 2:])
    near = peaks & (ratios >= ratios.max(axis=1, keepdims=True) - _NEAR_DB)
    return np.asarray(ratios.shape[1] - 1 - near[:, ::-1].argmax(axis=1))


def _cumulative_power(held: Float64Array, sample_rate: int) -> tuple[Float64Array, float]:
    """Power below the edges of bins (n, bins + 1), 1 at the last one, and the spacing of the edges in Hz."""
    n_samples = held.shape[1]
    window = blackmanharris(n_samples, sym=False)
    centred = (held - (held @ window)[:, None] / window.sum()) * window
    power = np.square(np.abs(np.fft.rfft(centred, _OVERSAMPLING * n_samples)))
    cumulative = np.concatenate([np.zeros((len(held), 1)), np.cumsum(power, axis=1)], axis=1)
    return cumulative / cumulative[:, -1:], sample_rate / (_OVERSAMPLING * n_samples)


def _best_ratio(cumulative: Float64Array, spacing: float, fundamental: float) -> Float64Array:
    """Ratios in dB (n,) of (n, bins + 1) at the best fundamental near this one: by 5 cents first, then by 1."""
    nyquist = (cumulative.shape[1] - 1.5) * spacing
    width = min(HALF_WIDTH_HZ, LARGEST_SHARE * fundamental)
    numbers = np.arange(1, int((nyquist - width) / (fundamental * _SHARPEST)) + 1)
    between = 1 - 2 * width * len(numbers) / nyquist  # share of the frequencies

    def noise(candidates: Float64Array) -> Float64Array:
        """Share of the power that is noise, for each of the candidates (n, f) in Hz."""
        centres = candidates[:, :, None] * numbers
        above = _power_below(cumulative, (centres + width) / spacing)
        inside = above - _power_below(cumulative, (centres - width) / spacing)
        return np.asarray((1 - inside.sum(axis=2)) / between)

    coarse = fundamental * 2 ** (np.broadcast_to(_COARSE_CENTS, (len(cumulative), len(_COARSE_CENTS))) / 1200)
    nearest = np.take_along_axis(coarse, noise(coarse).argmin(axis=1)[:, None], axis=1)
    least = noise(nearest * 2 ** (_FINE_CENTS / 1200)).min(axis=1)
    ratio = np.maximum(1 - least, _TINY) / np.maximum(least, _TINY)
    return np.asarray(np.clip(10 * np.log10(ratio), SMALLEST_DB, LARGEST_DB))


def _power_below(cumulative: Float64Array, bins: Float64Array) -> Float64Array:
    """Of (n, bins + 1), at frequencies (n, ...) in bins; a bin's power is spread evenly over it."""
    edges = bins.reshape(len(bins), int(np.prod(bins.shape[1:]))) + 0.5
    below = edges.astype(np.intp)
    power = np.take_along_axis(cumulative, below, axis=1)
    power += (edges - below) * (np.take_along_axis(cumulative, below + 1, axis=1) - power)
    return power.reshape(bins.shape)
