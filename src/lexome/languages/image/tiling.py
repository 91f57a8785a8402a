"""Pictures as patches that stand row by row, and back."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def cut(picture: npt.NDArray[T], patch: int) -> npt.NDArray[T]:
    """Return the patches of a picture [height, width, channels].

    [patches, patch * patch * channels]; height and width are multiples of `patch`.
    """
    height, width, channels = picture.shape
    shape = (height // patch, patch, width // patch, patch, channels)
    return picture.reshape(shape).swapaxes(1, 2).reshape(-1, patch * patch * channels)


def join(patches: npt.NDArray[T], patch: int, width: int) -> npt.NDArray[T]:
    """Return the picture, `width` pixels wide, that `cut` made into these patches."""
    across = width // patch
    channels = patches.shape[1] // patch**2
    shape = (len(patches) // across, across, patch, patch, channels)
    return patches.reshape(shape).swapaxes(1, 2).reshape(-1, width, channels)
