"""Pitches between the keys: tuning tables, and learned notes resampled to them."""
