"""Sound files as other programs write them, and broken ones."""

import io
import struct

import numpy as np
import soundfile

RATE = 16_000
SAMPLES = (np.arange(2_000) * 37 % 20_001 - 10_000).astype(np.int16)
FRAMES_IN_FLAC = slice(21, 26)  # the last 36 bits are the number of samples


def encoded(samples=SAMPLES, rate=RATE, form="WAV", subtype="PCM_16", **options):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype, **options)
    return buffer.getvalue()


def flac_that_claims(frames, samples=SAMPLES):
    content = bytearray(encoded(samples, form="FLAC"))
    kept = content[FRAMES_IN_FLAC][0] & 0xF0
    content[FRAMES_IN_FLAC] = bytes([kept | frames >> 32]) + (frames & 0xFFFF_FFFF).to_bytes(4)
    return bytes(content)


def piped_wav(length, order="<", samples=SAMPLES):
    """A WAV whose lengths a program could not go back to enter."""
    content = encoded(samples, endian="LITTLE" if order == "<" else "BIG")
    return (
        content[:4] + struct.pack(f"{order}I", length) + content[8:40] + struct.pack(f"{order}I", length) + content[44:]
    )


def with_rate(rate):
    return encoded()[:24] + struct.pack("<I", rate) + encoded()[28:]


def silent_flac(seconds):
    """A few kilobytes that hold much silence."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        second = np.zeros(RATE * 60, np.int16)
        for _ in range(seconds // 60):
            file.write(second)
    return buffer.getvalue()
