"""What a model hears, as a picture: log-mel frames along time."""

from __future__ import annotations

import base64

import numpy as np

from lexome.languages.features import Features
from lexome.report.data import Media
from lexome.samples.forms import png


def spectrogram(rows: Features) -> tuple[Media, ...]:
    """Return frames [time, bands] as a grey picture, low bands below; nothing of no frames."""
    if not rows.size:
        return ()
    levels = np.asarray(rows, np.float64).T[::-1]
    low, high = levels.min(), levels.max()
    grey = (255 * (levels - low) / ((high - low) or 1)).round().astype(np.uint8)
    data = base64.b64encode(png(grey.tobytes(), grey.shape[1])).decode("ascii")
    return (Media("what the model hears: bands over time", "image/png", data),)
