"""The tokens of scores: REMI and TSD, as the package MidiTok makes them.

REMI (Huang and Yang 2020, https://arxiv.org/abs/2002.00212) says bars and places in them, TSD the
time from one event to the next. A note is its program, pitch, velocity and duration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Tokenizer, UnitCodes
from lexome.languages.music.score import Score, Track, ordered
from lexome.languages.tokenizers import CodedTokenizer, Codes

# symusic's types are made at run time, where no checker sees them.
SymusicScore = Any

_MOST = {"grid": 48, "velocities": 127, "tempo": 1, "time_signature": 1, "programs": 1}
_LEAST = {"grid": 2, "velocities": 0, "tempo": 0, "time_signature": 0, "programs": 0}
# Quarter notes up to which a length is told by the grid, and beyond which, up to the second one,
# by half of it. What is longer is cut.
_FINE, _LONGEST = 4, 16
# Steps of 5, so that the tempos people write are told exactly.
_TEMPOS, _TEMPO_RANGE = 43, (30, 240)
_SIGNATURES = {2: [1, 2, 3, 4], 4: list(range(1, 10)), 8: list(range(1, 16)), 16: [3, 6, 9, 12]}
_NOTE_TYPES = ("Pitch_", "PitchDrum_")


@dataclass(frozen=True)
class ScoreSettings:
    """What the tokens say of a score.

    - `grid`: the steps of a quarter note to which times and lengths are rounded.
    - `velocities`: how many strengths are told apart; 0: none is told.
    - `tempo`, `time_signature`: 1 if they are told, 0 if not.
    - `programs`: 1 if instruments and drums are told; 0: all that is no drum becomes one piano.
    """

    grid: int = 8
    velocities: int = 16
    tempo: int = 1
    time_signature: int = 1
    programs: int = 1

    def __post_init__(self) -> None:
        if self.grid % 2:
            raise UsageError(f"grid must be even, not {self.grid}: half of it tells long notes")
        for name, value in asdict(self).items():
            if not _LEAST[name] <= value <= _MOST[name]:
                raise UsageError(
                    f"{name} must be {_LEAST[name]} to {_MOST[name]}, not {value}",
                    where=f"--tokenizer-option {name}",
                )


@dataclass(frozen=True)
class ScoreCoding:
    """Scores as MidiTok's tokens; a pitch token stands for one note, the others for none.

    What is decoded is a score on the grid, its tracks one for each program. `encode` of it gives
    the same codes, except where its time signature changes inside a bar.
    """

    language: ClassVar[str] = "music"
    kind: ClassVar[str]
    lossy: ClassVar[bool] = True

    described: ScoreSettings = ScoreSettings()
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # MidiTok's object is made again in each process: it is large, and slow to pickle.
        return {"described": self.described, "arrays": {}}

    @cached_property
    def names(self) -> Sequence[str]:
        """Return MidiTok's names: "Pitch_60", "Duration_1.0.8", "Bar_None"."""
        vocabulary: Mapping[str, int] = self._midi_tokenizer.vocab
        return sorted(vocabulary, key=vocabulary.__getitem__)[1:]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 1 for pitches."""
        return np.array([name.startswith(_NOTE_TYPES) for name in self.names], np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the settings by name."""
        return asdict(self.described)

    def encode(self, content: Score) -> Codes:
        """Return the codes of a score; one without a note that they can tell has none."""
        score = _to_symusic(content, drums=bool(self.described.programs))
        found = self._midi_tokenizer(score)
        # Without programs there is a list, with a sequence for each track: one or none.
        sequences = found if isinstance(found, list) else [found]
        return np.array([code for one in sequences for code in one.ids], np.int64) - 1

    def decode(self, codes: Codes) -> Score:
        """Return the score that the codes tell; what is no whole note in them is left out."""
        if not len(codes):
            return Score(ordered([]), (), self.described.grid)
        ids = (codes + 1).tolist()
        return _from_symusic(self._midi_tokenizer.decode(ids if self.described.programs else [ids]))

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return the pitch of each note, drums apart: a run of them is recognised in any rhythm."""
        return codes[self.unit_lengths[codes] > 0].astype(np.uint64)

    @cached_property
    def _midi_tokenizer(self) -> Any:
        try:
            import miditok
        except ImportError as error:
            raise LexomeError(
                "the tokens of scores need the packages miditok and symusic",
                where=f"tokenizer {self.kind!r}",
                fix="pip install 'lexome[music]', or choose --option form=frames or form=abc",
            ) from error
        said = self.described
        coarse = max(said.grid // 2, 1)
        config = miditok.TokenizerConfig(
            pitch_range=(0, 127),
            drums_pitch_range=(0, 127),
            beat_res={(0, _FINE): said.grid, (_FINE, _LONGEST): coarse},
            num_velocities=said.velocities or 1,
            use_velocities=said.velocities > 0,
            special_tokens=["PAD"],
            use_tempos=said.tempo > 0,
            num_tempos=_TEMPOS,
            tempo_range=_TEMPO_RANGE,
            delete_equal_successive_tempo_changes=True,
            use_time_signatures=said.time_signature > 0,
            time_signature_range=_SIGNATURES,
            delete_equal_successive_time_sig_changes=True,
            use_programs=said.programs > 0,
            use_pitchdrum_tokens=said.programs > 0,
            one_token_stream_for_programs=True,
            remove_duplicated_notes=True,
        )
        return {"remi": miditok.REMI, "tsd": miditok.TSD}[self.kind](config)


class RemiCoding(ScoreCoding):
    """Scores as bars, places in them, and notes."""

    kind: ClassVar[str] = "remi"


class TsdCoding(ScoreCoding):
    """Scores as times between events, and notes."""

    kind: ClassVar[str] = "tsd"


CODINGS: Mapping[str, type[ScoreCoding]] = MappingProxyType(
    {coding.kind: coding for coding in (RemiCoding, TsdCoding)}
)


class ScoreTrainer:
    """Makes a tokenizer of scores; its options are those of `ScoreSettings`."""

    needs_sample = False
    option_names: Sequence[str] = tuple(_MOST)

    def __init__(self, kind: str, settings: ScoreSettings | None = None) -> None:
        self.kind = kind
        self.settings = settings or ScoreSettings()

    def with_options(self, options: Mapping[str, int]) -> ScoreTrainer:
        """Return one with other settings."""
        return ScoreTrainer(self.kind, ScoreSettings(**{**asdict(self.settings), **options}))

    def train(self, contents: Iterable[Any], vocab_size: int | None) -> Tokenizer:
        """Return the tokenizer; the size of its vocabulary follows from the settings."""
        if vocab_size is not None:
            raise UsageError(
                f"the vocabulary of {self.kind!r} follows from its options: leave it out",
                where="--vocab-size",
            )
        return CodedTokenizer(CODINGS[self.kind](self.settings))


def _to_symusic(score: Score, *, drums: bool) -> SymusicScore:
    """Return a score for MidiTok; without `drums`, what is no drum, as one piano."""
    import symusic

    made: SymusicScore = symusic.Score(score.ticks)
    for tick, tempo in score.tempos or ((0, 120.0),):
        made.tempos.append(symusic.Tempo(tick, qpm=tempo))
    for tick, numerator, denominator in score.signatures or ((0, 4, 4),):
        made.time_signatures.append(symusic.TimeSignature(tick, numerator, denominator))
    # Notes that begin together come in the order of the tracks, which decoding must find again.
    for program in sorted(set(programs := _programs(score, drums=drums))):
        notes = score.notes[np.array(programs)[score.notes["track"]] == program]
        if not len(notes) or (program < 0 and not drums):
            continue
        new: Any = symusic.Track(program=max(program, 0), is_drum=program < 0)
        new.notes = symusic.Note.from_numpy(
            notes["start"].astype(np.int32),
            notes["duration"].astype(np.int32),
            notes["pitch"].astype(np.int8),
            notes["velocity"].astype(np.int8),
        )
        made.tracks.append(new)
    return made


def _programs(score: Score, *, drums: bool) -> list[int]:
    """Return the program of each track, -1 for drums."""
    return [-1 if track.drums else track.program if drums else 0 for track in score.tracks]


def _from_symusic(score: SymusicScore) -> Score:
    notes: list[tuple[int, int, int, int, int]] = []
    for number, track in enumerate(score.tracks):
        notes += [(n.time, n.duration, n.pitch, n.velocity, number) for n in track.notes]
    return Score(
        ordered(notes),
        tuple(Track(track.program, track.is_drum, track.name) for track in score.tracks),
        score.ticks_per_quarter,
        tuple((tempo.time, tempo.qpm) for tempo in score.tempos),
        tuple((s.time, s.numerator, s.denominator) for s in score.time_signatures),
    )
