"""A piece played by a trained instrument: from notes in seconds to one sound file, streamed."""
