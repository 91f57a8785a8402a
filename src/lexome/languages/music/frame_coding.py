"""The tokens of frames: one for each voice, which says its pitch or rest, and one for each beat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Tokenizer, UnitCodes
from lexome.languages.music.frames import REST, Frame, Frames
from lexome.languages.music.score import PITCHES
from lexome.languages.tokenizers import CodedTokenizer, Codes

_STATES = PITCHES + 1
_MOST_VOICES = 64


@dataclass(frozen=True)
class FrameCoding:
    """A frame is exactly `voices` codes: voice 1 first, each its pitch or its rest.

    The pitches stand in the frame's own order; voices that it does not have are rests, and stand
    last. So a frame has one spelling and a spelling one frame, and the likelihood of a frame is
    the product over its voices, each given those before it. The code of voice v (from 0) with
    pitch p is 129 v + p, its rest 129 v + 128. The first voice's code stands for the frame, the
    others for no unit.

    With `beat`, one more code, the last, stands before every `beat`-th frame, from the first one
    on. It says nothing that the count of frames does not, but a model sees where it is: in
    chorales on a grid of sixteenths, one change in three hundred is on the second sixteenth.
    """

    language: ClassVar[str] = "music"
    kind: ClassVar[str] = "frames"
    lossy: ClassVar[bool] = False

    voices: int = 4
    beat: int = 0
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict, compare=False)

    @property
    def names(self) -> Sequence[str]:
        """Return "v1.60" for middle C in the first voice, "v1.rest" for its rest."""
        states = [*map(str, range(PITCHES)), "rest"]
        named = [f"v{voice}.{state}" for voice in range(1, self.voices + 1) for state in states]
        return [*named, "beat"] if self.beat else named

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 1 for the codes of the first voice."""
        others = (self.voices - 1) * _STATES + bool(self.beat)
        return np.repeat([1, 0], [_STATES, others]).astype(np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the voices and the frames from beat to beat."""
        return {"voices": self.voices, "beat": self.beat}

    def encode(self, content: Frames) -> Codes:
        """Return `voices` codes for each frame; one with more pitches is a `LexomeError`."""
        states = np.full((len(content), self.voices), PITCHES, np.int64)
        for number, frame in enumerate(content):
            if len(frame) > self.voices:
                raise _too_many(number, frame, self.voices)
            states[number, : len(frame)] = frame
        states[states == REST] = PITCHES
        codes = (states + np.arange(self.voices) * _STATES).ravel()
        if not self.beat:
            return codes
        return np.insert(codes, np.arange(0, len(codes), self.beat * self.voices), self._mark)

    def decode(self, codes: Codes) -> Frames:
        """Return the frames; one begins where a voice does not come after the one before it.

        Voices that are not said rest.
        """
        frames: list[list[int]] = []
        last = self.voices
        for code in codes[codes != self._mark].tolist():
            voice, state = divmod(code, _STATES)
            if voice <= last:
                frames.append([])
            frames[-1] += [REST] * (voice - len(frames[-1]))
            frames[-1].append(REST if state == PITCHES else state)
            last = voice
        return tuple(_without_last_rests(frame) for frame in frames)

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return a number for each frame: its codes as digits (of the first voices, if many)."""
        voice, state = np.divmod(codes[codes != self._mark], _STATES)
        first = np.flatnonzero(voice == 0)
        if not len(first):
            return np.zeros(0, np.uint64)
        # Wraps beyond nine voices, where it is a hash.
        weights = np.uint64(_STATES) ** np.arange(self.voices, dtype=np.uint64)
        digits = state[first[0] :].astype(np.uint64) * weights[voice[first[0] :]]
        return np.add.reduceat(digits, first - first[0])

    @property
    def _mark(self) -> int:
        return self.voices * _STATES


class FrameTrainer:
    """Makes the tokenizer `frames`.

    `voices` is the most pitches that a frame has, `beat` the frames from beat to beat; 0: untold.
    """

    needs_sample = False
    option_names: Sequence[str] = ("voices", "beat")

    def __init__(self, voices: int = 4, beat: int = 0) -> None:
        self.voices = voices
        self.beat = beat

    def with_options(self, options: Mapping[str, int]) -> FrameTrainer:
        """Return one with other voices, 1 to 64, and other beats."""
        voices, beat = options.get("voices", self.voices), options.get("beat", self.beat)
        if not 1 <= voices <= _MOST_VOICES:
            raise UsageError(f"voices must be 1 to {_MOST_VOICES}, not {voices}")
        if beat < 0:
            raise UsageError(f"beat must be a number of frames, or 0 for none, not {beat}")
        return FrameTrainer(voices, beat)

    def train(self, contents: Iterable[Any], vocab_size: int | None) -> Tokenizer:
        """Return the tokenizer; its vocabulary has the size that the voices need."""
        if vocab_size is not None:
            raise UsageError("the vocabulary of `frames` follows from its voices: leave it out")
        return CodedTokenizer(FrameCoding(self.voices, self.beat))


def _without_last_rests(frame: list[int]) -> Frame:
    while frame and frame[-1] == REST:
        frame.pop()
    return tuple(frame)


def _too_many(number: int, frame: Frame, voices: int) -> LexomeError:
    return LexomeError(
        f"the frame has {len(frame)} pitches, the tokenizer {voices} voices",
        where=f"frame {number + 1}",
        fix=f"prepare with --tokenizer-option voices={len(frame)} or more",
    )
