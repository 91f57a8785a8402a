"""lexome trains a language model on anything that reads like a language."""

__version__ = "0.1.0"
