"""What each token gets of attention: maps of one text come layer by layer, and none is kept.

Rows of a map are the tokens that look, columns those that are looked at. Tokens that cover no
character, as [CLS] and beginnings of a sequence, do not count as rows; what goes to them is lost.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

SCORES = ("received", "last", "column", "rollout")


class Column(NamedTuple):
    """Which score, of which layer, of which head: from 1 on, None is the mean over heads."""

    score: str
    layer: int
    head: int | None


@dataclass
class Scores:
    """The scores of one text's tokens, by the layers seen so far."""

    text: Tensor
    """(tokens,) bool: those that cover characters."""
    heads: bool = False
    """Also each head alone?"""
    columns: list[Column] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    """Of each column (tokens,) float32."""
    layers: int = 0
    product: Tensor | None = None
    """(tokens, tokens): how far each token's state came from each token's embedding."""

    def add(self, weights: Tensor) -> None:
        """Take the next layer's map into account, (heads, tokens, tokens)."""
        self.layers += 1
        mean = weights.float().mean(0)
        lookers = seen(mean[self.text]).sum(0).clamp(min=1)
        self._score(mean, None, lookers)
        if self.heads:
            for head, own in enumerate(weights, start=1):
                self._score(own.float(), head, lookers)
        self.product = rolled(mean, self.product)
        self._keep("rollout", None, self.product[self.text].mean(0))

    def _score(self, weights: Tensor, head: int | None, lookers: Tensor) -> None:
        rows = weights[self.text]
        self._keep("received", head, rows.mean(0))
        self._keep("last", head, rows[-1])
        self._keep("column", head, rows.sum(0) / lookers)

    def _keep(self, score: str, head: int | None, values: Tensor) -> None:
        self.columns.append(Column(score, self.layers, head))
        self.values.append(values)


def seen(rows: Tensor) -> Tensor:
    """(rows, tokens) bool: can this token look at that one? From the first to the last one that
    does; a mask, causal or of a window, gives exactly nothing."""
    looks = (rows > 0).int()
    return (looks.cumsum(0) > 0) & (looks.flip(0).cumsum(0).flip(0) > 0)


def rolled(weights: Tensor, product: Tensor | None) -> Tensor:
    """Attention rollout (Abnar and Zuidema, 2020): half of a state is its own, half comes by
    attention; (tokens, tokens) one layer on."""
    half = weights + torch.eye(len(weights), device=weights.device)
    half /= half.sum(1, keepdim=True)
    return half if product is None else half @ product
