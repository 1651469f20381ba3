"""MIDI files for tests: from mido's messages, or byte by byte."""

import io
import struct

import mido

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x40"  # 96 ticks of middle C


def on(pitch, wait=0, velocity=64, channel=0):
    return mido.Message("note_on", note=pitch, velocity=velocity, channel=channel, time=wait)


def off(pitch, wait=0, channel=0):
    return mido.Message("note_off", note=pitch, channel=channel, time=wait)


def control(number, value, wait=0, channel=0):
    return mido.Message("control_change", control=number, value=value, channel=channel, time=wait)


def tempo(microseconds, wait=0):
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=wait)


def signature(beats, beat, wait=0):
    return mido.MetaMessage("time_signature", numerator=beats, denominator=beat, time=wait)


def end(wait):
    return mido.MetaMessage("end_of_track", time=wait)


def written(*tracks, form=None, division=480):
    """A file by mido. At the tempo that holds without any, 480 ticks of division 480 are half a second."""
    file = mido.MidiFile(type=(0 if len(tracks) == 1 else 1) if form is None else form, ticks_per_beat=division)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def chunk(name, content):
    return struct.pack(">4sL", name, len(content)) + content


def raw(*tracks, form=1, division=480, promised=None):
    """A file whose tracks are bytes."""
    header = struct.pack(">HHh", form, len(tracks) if promised is None else promised, division)
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", track) for track in tracks)


ONE = raw(NOTE + END)


def times(piece):
    """(pitch, onset, end)."""
    return [(note.pitch, note.onset, note.onset + note.duration) for note in piece.notes]
