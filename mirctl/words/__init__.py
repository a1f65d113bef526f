"""Words of texts: where they are, which tokens they share characters with, and measures of them."""

from mirctl.words.alignment import Alignment, align
from mirctl.words.predictor import Predictor
from mirctl.words.sources import Chosen, Generator, Source, choose, needs_weights
from mirctl.words.text import Text

__all__ = [
    "Alignment",
    "Chosen",
    "Generator",
    "Predictor",
    "Source",
    "Text",
    "align",
    "choose",
    "needs_weights",
]
