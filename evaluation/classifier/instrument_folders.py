"""Which folders the classifier reads as folders of instruments: those of `data.instrument_folders`."""

from data.instrument_folders import is_of_instruments

__all__ = ["is_of_instruments"]
