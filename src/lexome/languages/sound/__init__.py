"""Sound: recordings as samples, learned codecs and mu-law, spectrograms to look at."""

from lexome.languages.sound.language import Sound

__all__ = ["Sound"]
