"""What makes a word be looked at longer whatever a model thinks: its length and its frequency."""

from collections.abc import Sequence

import numpy as np

from mirctl.errors import MissingError, UsageError, suggest


class Frequencies:
    """Logarithms of how often words are used in a language, on the Zipf scale."""

    def __init__(self, language: str) -> None:
        try:
            import wordfreq
        except ImportError as error:
            raise MissingError(
                "frequencies of words need one more package: pip install 'mirctl[gaze]'"
            ) from error
        self._of, self.language = wordfreq.zipf_frequency, language
        known = wordfreq.available_languages()
        if language not in known:
            guess = suggest(language, known, f"known: {', '.join(sorted(known))}")
            raise UsageError(f"--language {language!r}: has no frequencies{guess}")
        try:
            self._of("a", language)
        except ImportError as error:
            needs = f"frequencies of {language!r} words need more packages"
            raise MissingError(f"{needs}: pip install 'wordfreq[cjk]'") from error

    def controls(self, words: Sequence[str]) -> np.ndarray:
        """(words, 2): characters, and log10 of uses in a thousand million words, 0 if unknown."""
        return np.array([(len(word), self._of(word, self.language)) for word in words], float)
