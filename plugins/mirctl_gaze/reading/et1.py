"""ET1: a recurrent network over tokens, both ways (Huang and Hollenstein, 2023).

Frozen embeddings of T5's tokens -> two layers of LSTM, 128 a direction -> one hidden layer -> the
measures of each token. A word's are the mean of its tokens', each of which learns the word's. Texts
are packed, not padded, so that none changes another. Names of weights are those of the published
ones.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from mirctl.words import Text
from mirctl_gaze.reading.base import Base
from mirctl_gaze.reading.tokens import Tokenizer, Tokens

HIDDEN = 128


class Et1(nn.Module):
    """Texts' tokens -> (1, words of all, measures)."""

    padded = False
    faster: Mapping[str, float] = {}

    def __init__(self, base: Base, measures: int, dropout: float) -> None:
        super().__init__()
        known = base.network.get_input_embeddings().weight.detach().clone()
        self.tokenizer = Tokenizer(base.model, base.tokenizer, len(known))
        self.emb = nn.Embedding.from_pretrained(known, freeze=True)
        self.lstm = nn.LSTM(
            known.shape[1], HIDDEN, 2, batch_first=True, dropout=dropout, bidirectional=True
        )
        self.head = nn.Sequential(
            nn.Linear(2 * HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, measures)
        )
        self.dropout = nn.Dropout(dropout)

    def inputs(self, texts: Sequence[Text]) -> list[Tokens]:
        """The tokens of each text."""
        return self.tokenizer(texts)

    def standardise(self, inputs: Sequence[Tokens]) -> None:
        """Tokens have no scale."""

    def forward(self, inputs: Sequence[Tokens]) -> Tensor:
        """A word without a token is at 0, the centre of the scale."""
        before, behind = self.tokenizer.before, self.tokenizer.behind
        rows = [np.concatenate([before, own.ids, behind]).astype(np.int64) for own in inputs]
        word, words = _counted_on([own.alignment.word for own in inputs],
                                  [own.alignment.words for own in inputs])  # fmt: skip
        token, _ = _counted_on([own.alignment.token + len(before) for own in inputs],
                               list(map(len, rows)))  # fmt: skip
        values = self.tokens([row for row in rows if len(row)])
        return _averaged(values[token.to(values.device)], word.to(values.device), words)[None]

    def tokens(self, rows: Sequence[np.ndarray]) -> Tensor:
        """Ids of tokens, row by row -> (tokens of all, measures)."""
        device = self.emb.weight.device
        if not rows:
            return torch.zeros(0, self.head[-1].out_features, device=device)
        packed = pack_sequence([torch.from_numpy(row) for row in rows], enforce_sorted=False)
        packed = packed.to(device)
        seen = packed._replace(data=self.dropout(self.emb(packed.data)))
        states, _ = self.lstm(seen)
        found = states._replace(data=self.head(self.dropout(states.data)))
        return torch.cat(unpack_sequence(found))


def _counted_on(numbers: Sequence[np.ndarray], counts: Sequence[int]) -> tuple[Tensor, int]:
    """Numbers in each text as numbers over all texts, that have so many each; and how many all."""
    ends = np.cumsum([0, *counts])
    parts = [own + start for own, start in zip(numbers, ends[:-1], strict=True)]
    return torch.from_numpy(np.concatenate(parts).astype(np.int64)), int(ends[-1])


def _averaged(values: Tensor, word: Tensor, words: int) -> Tensor:
    """(pairs, measures), (pairs,) -> (words, measures)."""
    sums = torch.zeros(words, values.shape[1], device=values.device, dtype=values.dtype)
    counts = torch.bincount(word, minlength=words).clamp(min=1)
    return sums.index_add(0, word, values) / counts[:, None]
