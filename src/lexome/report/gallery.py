"""What the trained model makes, for languages that are seen or heard rather than read."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

import numpy as np

from lexome import languages
from lexome.errors import LexomeError
from lexome.generation import Settings, write
from lexome.languages.base import Document, Language, Rendering, Source, Tokenizer
from lexome.model import load_model
from lexome.report.data import Gallery, Media, Missing, Work
from lexome.report.reading import RunFiles, missing
from lexome.training.run import MODEL

WORKS = 12
MOST_BYTES = 24 << 20
_SHOWN = ("image/png", "audio/wav")


class Shown:
    """Shows tokens of a run as media; what cannot be loaded shows nothing."""

    def __init__(self, run: RunFiles) -> None:
        self._run = run
        self._bytes = 0
        self.left_out = 0

    @cached_property
    def loaded(self) -> tuple[Language, Tokenizer] | None:
        """Return language and tokenizer, or `None` where there are none to show anything with."""
        options = self._run.fact("options") or {}
        if not isinstance(options, Mapping):
            return None
        try:
            language = languages.get(str(self._run.fact("language")), **options)
            return language, languages.load_tokenizer(self._run.folder / MODEL)
        except LexomeError:
            return None

    def pictures(self, ids: Sequence[int]) -> tuple[Media, ...]:
        """Return the pictures of the document that `ids` stand for.

        Beyond `MOST_BYTES` in all there are no more; `left_out` counts the documents without.
        """
        if self.loaded is None or not ids:
            return ()
        language, tokenizer = self.loaded
        known = [index for index in ids if 0 <= index < tokenizer.vocab_size]
        content = tokenizer.decode(np.array(known, np.int64))
        rendering = language.render(Document(content, Source("sample")))
        found = tuple(one for one in media(rendering) if one.media_type.startswith("image/"))
        self._bytes += sum(len(one.data) for one in found)
        if self._bytes <= MOST_BYTES:
            return found
        self.left_out += bool(found)
        return ()


def gallery(run: RunFiles) -> Gallery | Missing | None:
    """Return whole documents written by the model, or `None` where its language is text to read.

    Nothing is written by a masked model, nor by one that cannot be loaded, and it is said why.
    """
    loaded = Shown(run).loaded
    if isinstance(run.config, Missing) or loaded is None or not _is_shown(run, loaded[0]):
        return None
    language, tokenizer = loaded
    if run.config.attention != "causal":
        return Missing("A masked model fills gaps; it does not make whole works.")
    try:
        model = load_model(run.folder / MODEL)
    except LexomeError as error:
        return missing(error)
    settings = Settings(max_tokens=run.config.context, seed=0)
    written = write(tokenizer, language, model, [""] * WORKS, settings)
    works = tuple(Work(one.rendering.text, tuple(media(one.rendering))) for one in written)
    kept = list(_within(works, MOST_BYTES))
    if not kept:
        return Missing(f"Its first work alone is larger than {MOST_BYTES >> 20} MB.")
    note = f"Drawn at temperature 1 from nothing, not chosen: the first {len(kept)} of seed 0."
    if unended := sum(one.finish != "end" for one in written[: len(kept)]):
        note += f" {unended} of them had not ended when the context was full."
    if len(kept) < len(works):
        note += " More would make this page too large."
    return Gallery(tuple(kept), note)


def media(rendering: Rendering) -> Iterator[Media]:
    """Yield what a browser can show of a rendering: its views, and its own data.

    Where a view is of the same type as the data, a small picture enlarged, say, it stands for both.
    """
    shown = [(view.name, view.media_type, view.data) for view in rendering.views]
    if rendering.media_type not in {kind for _, kind, _ in shown}:
        shown.insert(0, (rendering.suffix.lstrip("."), rendering.media_type, rendering.data))
    for name, kind, data in shown:
        if kind in _SHOWN:
            yield Media(name, kind, base64.b64encode(data).decode("ascii"))


def _is_shown(run: RunFiles, language: Language) -> bool:
    """Return whether a held-out document has something to see or hear: the first of each part."""
    corpus = run.corpus
    if isinstance(corpus, Missing):
        return False
    starts = {part.valid_start for part in corpus.manifest.parts} or {0}
    firsts = (row for row in corpus.rows("valid") if row["first_token"] in starts)
    # No further than to the last of them: the rest of the table may be long.
    for row in islice(firsts, len(starts)):
        content = corpus.content("valid", row["first_token"], row["tokens"])
        if any(media(language.render(Document(content, Source("held out"))))):
            return True
    return False


def _within(works: Sequence[Work], most: int) -> Iterator[Work]:
    size = 0
    for work in works:
        size += sum(len(one.data) for one in work.media)
        if size > most:
            return
        yield work
