"""What the trained model makes, for languages that are seen or heard rather than read."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

import numpy as np

from lexome import languages
from lexome.errors import LexomeError
from lexome.generation import Settings, write
from lexome.languages.base import Document, Language, Rendering, Source, Tokenizer
from lexome.model import load_model
from lexome.report.data import Gallery, Media, Missing, Work
from lexome.report.reading import RunFiles
from lexome.training.run import MODEL

WORKS = 12
MOST_BYTES = 24 << 20
_SHOWN = ("image/png", "audio/wav")


class Shown:
    """Shows tokens of a run as media; what cannot be loaded shows nothing."""

    def __init__(self, run: RunFiles) -> None:
        self._run = run

    @cached_property
    def loaded(self) -> tuple[Language, Tokenizer] | None:
        """Return language and tokenizer, or `None` where there are none to show anything with."""
        try:
            language = languages.get(
                str(self._run.fact("language")), **(self._run.fact("options") or {})
            )
            return language, languages.load_tokenizer(self._run.folder / MODEL)
        except LexomeError:
            return None

    def pictures(self, ids: Sequence[int]) -> tuple[Media, ...]:
        """Return the pictures of the document that `ids` stand for."""
        if self.loaded is None or not ids:
            return ()
        language, tokenizer = self.loaded
        content = tokenizer.decode(np.array(ids, np.int64))
        rendering = language.render(Document(content, Source("sample")))
        return tuple(one for one in media(rendering) if one.media_type.startswith("image/"))


def gallery(run: RunFiles) -> Gallery | None:
    """Return whole documents written by the model, or `None` where its language is text to read.

    Nothing is written by a masked model, nor by one that cannot be loaded.
    """
    loaded = Shown(run).loaded
    if isinstance(run.config, Missing) or run.config.attention != "causal" or loaded is None:
        return None
    language, tokenizer = loaded
    if not _is_shown(run, language):
        return None
    try:
        model = load_model(run.folder / MODEL)
    except LexomeError:
        return None
    settings = Settings(max_tokens=run.config.context, seed=0)
    written = write(tokenizer, language, model, [""] * WORKS, settings)
    works = tuple(Work(one.rendering.text, tuple(media(one.rendering))) for one in written)
    kept = list(_within(works, MOST_BYTES))
    note = f"Drawn at temperature 1 from nothing, not chosen: the first {len(kept)} of seed 0."
    if unended := sum(one.finish != "end" for one in written[: len(kept)]):
        note += f" {unended} of them had not ended when the context was full."
    return Gallery(tuple(kept), note)


def media(rendering: Rendering) -> Iterator[Media]:
    """Yield what a browser can show of a rendering: its own data, then its views."""
    own = (rendering.suffix.lstrip("."), rendering.media_type, rendering.data)
    for name, kind, data in (own, *((v.name, v.media_type, v.data) for v in rendering.views)):
        if kind in _SHOWN:
            yield Media(name, kind, base64.b64encode(data).decode("ascii"))


def _is_shown(run: RunFiles, language: Language) -> bool:
    """Return whether the held-out documents have something to see or hear."""
    if isinstance(run.corpus, Missing):
        return False
    return any(
        True
        for document in islice(run.corpus.documents("valid"), 1)
        for _ in media(language.render(document))
    )


def _within(works: Sequence[Work], most: int) -> Iterator[Work]:
    size = 0
    for work in works:
        size += sum(len(one.data) for one in work.media)
        if size > most:
            return
        yield work
