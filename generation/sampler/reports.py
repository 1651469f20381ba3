"""What an instrument for samplers says of itself: a report on its samples, and the table of a drum kit."""

from collections.abc import Sequence

from data.note_pitch import pitch_name
from data.nsynth import Value, value_in_words
from generation.playing.choking import choke_group
from generation.playing.drums import drums_without_sound, named_key, sound_in_words
from generation.sampler.keys import VELOCITY, Key
from generation.sampler.samples import Sample
from utils.config import MIDI_MAX
from utils.tables import markdown_table


def pitch_report(title: str, keys: Sequence[Key], samples: Sequence[Sample], card: str, terms: str) -> str:
    """The loop and the tuning of each sample; `card` and `terms` are the files that say where they come from."""
    header = ["sample", "note", "keys", "loop", "similarity", "fall, dB", "heard, cents", "played"]
    rows = []
    for key, sample in zip(keys, samples, strict=True):
        loop = "" if sample.loop is None else f"{sample.loop[0]} to {sample.loop[1] - 1}"
        heard = "unclear" if sample.cents is None else f"{sample.cents:+.1f}"
        measured = [f"{sample.similarity:.3f}", f"{sample.fall_db:.1f}", heard]
        reach = f"{key.keys[0]}-{key.keys[1]}"
        rows.append([key.name, pitch_name(key.pitch), reach, loop, *measured, sample.verdict])
    attributes = {name: value for name, value in keys[0].place.spec.attributes.items() if name != "pitch"}
    said = ", ".join(f"{name} {value_in_words(name, value)}" for name, value in attributes.items())
    explained = f"{f'Attributes: {said}. ' if said else ''}{_EXPLAINED}"
    return f"# {title}\n\n{explained}\n\n{markdown_table(header, rows)}\n\n{_sources(card, terms)}"


def kit_report(title: str, keys: Sequence[Key], samples: Sequence[Sample], card: str, terms: str) -> str:
    """What each key plays, and the drums without a sound."""
    header = ["sample", "key", "velocities", "sound", "ended by", "played"]
    rows = []
    for key, sample in zip(keys, samples, strict=True):
        strokes = f"{key.velocities[0]}-{key.velocities[1]}"
        said = [key.name, named_key(key.pitch), strokes, sound_in_words(key.place.spec.attributes)]
        rows.append([*said, _ended_by(key, keys), sample.verdict])
    without = ", ".join(map(named_key, drums_without_sound({key.pitch for key in keys})))
    explained = _KIT_EXPLAINED + (f" Drums of General MIDI without a sound: {without}." if without else "")
    return f"# {title}\n\n{explained}\n\n{markdown_table(header, rows)}\n\n{_sources(card, terms)}"


def kit_table(keys: Sequence[Key]) -> str:
    """The drums and their sounds, and a line that counts those without one."""
    rows = {"drum": "sound"} | {named_key(key.pitch): sound_in_words(_of_all_layers(key)) for key in keys}
    width = max(map(len, rows)) + 2
    lines = [f"{name:<{width}}{sound}\n" for name, sound in rows.items()]
    if without := len(drums_without_sound({key.pitch for key in keys})):
        said = "the report names them, and a drum map gives them one"
        lines.append(f"drums of General MIDI without a sound: {without}; {said}\n")
    return "".join(lines)


def _of_all_layers(key: Key) -> dict[str, Value]:
    """The attributes of a note, without the velocity that only its own layer has."""
    layered = key.velocities != (0, MIDI_MAX)
    return {name: value for name, value in key.place.spec.attributes.items() if not (layered and name == VELOCITY)}


def _ended_by(key: Key, keys: Sequence[Key]) -> str:
    group = choke_group(key.pitch)
    others = sorted({each.pitch for each in keys if choke_group(each.pitch) == group})
    return ", ".join(map(str, others)) if group else ""


def _sources(card: str, terms: str) -> str:
    return f"Terms and sources: {terms}. Seeds and checkpoint: {card}.\n"


_EXPLAINED = (
    "A looped sample repeats the stretch `loop` while its key is held; `similarity` is the correlation of the two "
    "sides of the seam, 1 at best. `fall` is how far the level of the steady part falls. One-shot samples end by "
    "themselves. `heard` is the pitch of the sample above its key; the instruments are tuned by it, unless it is "
    "unclear."
)
_KIT_EXPLAINED = (
    "Each drum is played by its key in General MIDI, at one pitch. It rings out whenever its key is released, but for "
    "the keys in `ended by`: their next stroke ends it."
)
