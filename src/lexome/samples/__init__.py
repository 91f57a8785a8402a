"""Small real data sets, one or more a language, each from a pinned package, ready to train on."""

from lexome.samples.catalogue import CATALOGUE, MISSING, Sample, find
from lexome.samples.write import Written, command, write

__all__ = ["CATALOGUE", "MISSING", "Sample", "Written", "command", "find", "write"]
