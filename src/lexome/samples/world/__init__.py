"""A sample that is made, not fetched: biographies of an invented world, every fact known.

The design is that of bioS (Allen-Zhu & Li 2023, Physics of Language Models 3.1,
https://arxiv.org/abs/2309.14316): a fact is read in several wordings, since what was read in one
wording only cannot be asked for. People, words and sentences are our own.
"""

from lexome.samples.world.people import World
from lexome.samples.world.write import NAME, RIGHTS, WHAT, world_command, write_world

__all__ = ["NAME", "RIGHTS", "WHAT", "World", "world_command", "write_world"]
