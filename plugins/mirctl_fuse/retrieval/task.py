"""The training task: pairs of a batch tell each other apart."""

import numpy as np
import torch
from torch import Tensor

from mirctl import distributed
from mirctl.encode.towers import CatalogueInputs
from mirctl.sequences.histories import Histories
from mirctl_fuse.crossan import ItemEncoder
from mirctl_fuse.missing import take_away
from mirctl_fuse.retrieval import evaluation
from mirctl_fuse.retrieval.chunks import in_chunks
from mirctl_fuse.retrieval.loss import one_way
from mirctl_fuse.retrieval.model import Retriever, unit
from mirctl_fuse.retrieval.pairs import Pairs


class PairTask:
    """Batches of pairs in, contrastive loss out; validates by ranking all items.

    Batches are large, since what is in them is what a pair is told from; so they are embedded and
    compared chunk by chunk, and the gradient is that of the whole batch. Of several processes each
    embeds its part of the things, which all of them then see, and answers for its part of the
    pairs. A router's load balance is over a chunk.
    """

    shares = True

    def __init__(
        self, model: Retriever, queries: CatalogueInputs, items: CatalogueInputs, pairs: Pairs, *,
        batch_size: int, chunk: int, seed: int, modality_dropout: float,
    ) -> None:  # fmt: skip
        self.model, self.queries, self.items, self.pairs = model, queries, items, pairs
        self.train = pairs.of("train")
        self.answers = _by_query(self.train)
        self.batch_size, self.chunk, self.seed = batch_size, chunk, seed
        self.modality_dropout = modality_dropout

    def steps(self, epoch: int) -> int:
        return -(-len(self.train) // self.batch_size)

    def batch(self, epoch: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Queries and items of pairs, (b,) each; the batches of an epoch are of one size."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.train))
        chosen = np.array_split(order, self.steps(epoch))[step]
        return self.train.query[chosen], self.train.item[chosen]

    def loss(self, batch: tuple[np.ndarray, np.ndarray]) -> Tensor:
        """The mean over the pairs, or this process's share."""
        self.model.temperature.clamp()
        distributed.process().diverge()
        query, query_at = np.unique(batch[0], return_inverse=True)
        item, item_at = np.unique(batch[1], return_inverse=True)
        queries, routing = self._embed(self.model.queries, self.queries, query)
        items, more = self._embed(self.model.items, self.items, item)
        device, mine = queries.device, distributed.process().rows(len(batch[0]))
        q, i = (torch.from_numpy(at[mine]).to(device) for at in (query_at, item_at))
        right = torch.from_numpy(self._right(query, item)).to(device)
        scaled = self.model.temperature
        there = one_way(queries[q], items, i, right[q], scaled, self.chunk)
        back = one_way(items[i], queries, q, right.T[i], scaled, self.chunk)
        return (there + back) / (2 * len(batch[0])) + routing + more

    def _right(self, query: np.ndarray, item: np.ndarray) -> np.ndarray:
        """(queries, items) bool: known to belong together."""
        place = np.full(len(self.pairs.items.ids), -1)
        place[item] = np.arange(len(item))
        rows, answers = self.answers.of(query).pairs()
        found = place[answers]
        right = np.zeros((len(query), len(item)), bool)
        right[rows[found >= 0], found[found >= 0]] = True
        return right

    def _embed(
        self, encoder: ItemEncoder, inputs: CatalogueInputs, ids: np.ndarray
    ) -> tuple[Tensor, Tensor]:
        """Embeddings (n, dim) of things in all processes, and the router's loss here."""
        process = distributed.process()
        own = torch.from_numpy(ids[process.rows(len(ids))])
        draws = torch.rand(len(own), len(inputs.towers))

        def work(rows: Tensor) -> tuple[Tensor, Tensor]:
            batch = inputs.gather(own[rows])
            if self.modality_dropout:
                batch = take_away(batch, draws[rows].to(inputs.device), self.modality_dropout)
            fused = encoder.fuse(batch)
            if fused.loss is None or not len(rows):
                return unit(fused.embedding), torch.zeros((), device=inputs.device)
            return unit(fused.embedding), fused.loss * (len(rows) / len(own) / process.world)

        made = in_chunks(work, torch.arange(len(own)), self.chunk)
        parts, routing = zip(*made, strict=True)
        return process.join(torch.cat(parts), len(ids)), torch.stack(routing).sum()

    def validate(self) -> dict[str, float]:
        """Mean ranking measures of the validation queries, both ways."""
        found = evaluation.measured(self.model, self.queries, self.items, self.pairs, ["valid"])
        return {name: float(own.mean()) for name, own in found["valid"].items() if len(own)}


def _by_query(pairs: Pairs) -> Histories:
    """The items that answer each query, as one list a query."""
    order = np.argsort(pairs.query, kind="stable")
    edges = np.searchsorted(pairs.query[order], np.arange(len(pairs.queries.ids) + 1))
    return Histories(pairs.item[order], edges[:-1], edges[1:])
