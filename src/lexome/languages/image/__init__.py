"""Pictures: PNG, JPEG and WebP files, as pixels of a learned palette or as learned patches."""

from lexome.languages.image.language import Image

__all__ = ["Image"]
