"""ET2: a pretrained encoder whose state at a word's first token gives its measures, by one linear
layer (Li and Rudzicz, 2021).

A text longer than the encoder takes is read in windows that share half with the next; a word counts
as the window says in which it stands farther from the edge. Padding is masked, so that none of what
shares a batch with a text changes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mirctl.encode.pretrained import tower
from mirctl.words import Text
from mirctl_gaze.reading import tokens
from mirctl_gaze.reading.base import Base
from mirctl_gaze.reading.tokens import Tokenizer, Window

LONGEST = 512
"""Tokens in a window."""
BATCH = 4096
"""Tokens that are read at once, padding included."""


@dataclass(frozen=True)
class Input:
    """A text's tokens, and where its words begin."""

    ids: np.ndarray
    """(tokens,)"""
    first: np.ndarray
    """(words,) number of the first token of each word; -1 for a word that has none."""


class Et2(nn.Module):
    """Texts' inputs -> (1, words of all, measures)."""

    padded = True
    faster: Mapping[str, float] = {"decoder": 10.0}
    """The one part that knows nothing yet."""

    def __init__(self, base: Base, measures: int) -> None:
        super().__init__()
        self.base = tower(base.network).requires_grad_(True)
        if hasattr(self.base, "pooler"):
            self.base.pooler = None  # reads the whole text
        vocabulary = len(self.base.get_input_embeddings().weight)
        self.tokenizer = Tokenizer(base.model, base.tokenizer, vocabulary, blank=True)
        marks = len(self.tokenizer.before) + len(self.tokenizer.behind)
        self.size = tokens.longest(self.base, base.tokenizer, LONGEST) - marks
        self.decoder = nn.Linear(self.base.config.hidden_size, measures)

    def inputs(self, texts: Sequence[Text]) -> list[Input]:
        """Tokens and first tokens of each text."""
        found = []
        for own in self.tokenizer(texts):
            first = np.full(own.alignment.words, -1)
            first[own.alignment.word[::-1]] = own.alignment.token[::-1]
            found.append(Input(own.ids, first))
        return found

    def standardise(self, inputs: Sequence[Input]) -> None:
        """Tokens have no scale."""

    def forward(self, inputs: Sequence[Input]) -> Tensor:
        """A word without a token is at 0, the centre of the scale."""
        cut = [(n, window) for n, own in enumerate(inputs) if len(own.ids)
               for window in tokens.windows(len(own.ids), self.size, ahead=True)]  # fmt: skip
        rows = [self._row(inputs[n], window) for n, window in cut]
        ends = np.cumsum([0, *(len(own.first) for own in inputs)])
        out = torch.zeros(int(ends[-1]), self.decoder.out_features, device=self.base.device)
        for some in tokens.batches(list(map(len, rows)), BATCH):
            words, places = self._places([(ends[cut[k][0]], *self._first(inputs, cut[k]))
                                          for k in some])  # fmt: skip
            out = out.index_copy(0, words, self._read([rows[k] for k in some], places).to(out))
        return out[None]

    def _row(self, own: Input, window: Window) -> list[int]:
        ids = own.ids[window.start : window.stop].tolist()
        return [*self.tokenizer.before, *ids, *self.tokenizer.behind]

    def _first(
        self, inputs: Sequence[Input], cut: tuple[int, Window]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words whose first token a window tells of, and where in its row that stands."""
        first, window = inputs[cut[0]].first, cut[1]
        words = np.flatnonzero((first >= window.first) & (first < window.last))
        return words, first[words] - window.start + len(self.tokenizer.before)

    def _places(
        self, told: Sequence[tuple[int, np.ndarray, np.ndarray]]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Numbers of words among all, and the rows and columns of their states."""
        words = np.concatenate([start + own for start, own, _ in told])
        rows = np.repeat(np.arange(len(told)), [len(own) for _, own, _ in told])
        columns = np.concatenate([at for _, _, at in told])
        device = self.base.device
        of = [torch.from_numpy(a.astype(np.int64)).to(device) for a in (words, rows, columns)]
        return of[0], (of[1], of[2])

    def _read(self, rows: Sequence[Sequence[int]], places: tuple[Tensor, Tensor]) -> Tensor:
        """(words, measures) of the states at these places."""
        batch = tokens.padded(rows, self.tokenizer.padding, self.base.device)
        return self.decoder(self.base(**batch).last_hidden_state[places])
