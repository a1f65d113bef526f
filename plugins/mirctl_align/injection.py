"""How gaze enters a network: before the text, in its embeddings, or in its attention.

Each takes a batch whose padding stands right, its gaze standardised, and gives what the network is
called with. All begin without effect, but for concat, whose prefix has the size of embeddings.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mirctl.errors import UsageError
from mirctl_align.batch import Batch, packed
from mirctl_align.config import GazeConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NOISE = 0.1
"""Of the marks around a prefix, in standard deviations of the embeddings."""
ALIKE = 1e-4
"""Largest difference of states that are the same."""


@dataclass(frozen=True)
class Given:
    """What a network is called with; real (rows, length) bool tells padding from the rest."""

    arguments: dict[str, Tensor]
    real: Tensor


class Projector(nn.Module):
    """Gaze (..., measures) -> (..., width), as in GazeReward (Lopez-Cardona et al., 2025); `size`
    is the deviation of what it gives at first."""

    def __init__(self, config: GazeConfig, measures: int, width: int, size: float) -> None:
        super().__init__()
        inner, (within, behind) = config.width, config.dropout
        self.layers = nn.Sequential(
            nn.Linear(measures, inner), nn.LayerNorm(inner), nn.ReLU(), nn.Dropout(within),
            nn.Linear(inner, width), nn.Dropout(behind), nn.LayerNorm(width),
        )  # fmt: skip
        nn.init.constant_(self.layers[-1].weight, size)

    def forward(self, gaze: Tensor) -> Tensor:
        return self.layers(gaze)


class Plain(nn.Module):
    """The text alone."""

    extra = 0
    """Positions that it takes beside the text and a prefix."""

    def forward(self, batch: Batch, network: "PreTrainedModel") -> Given:
        return Given({"input_ids": batch.ids, **_mask(batch.real, network)}, batch.real)


class Add(Plain):
    """Projected gaze on top of the embeddings; exactly nothing where a token has none. At first
    nothing anywhere: what is as large as the embeddings drowns the words of a trained network."""

    size = 0.0
    """Of projected gaze at first, in standard deviations of the embeddings."""

    def __init__(self, config: GazeConfig, measures: int, network: "PreTrainedModel") -> None:
        super().__init__()
        words = network.get_input_embeddings().weight.detach()
        size = self.size * float(words.std())
        self.projector = Projector(config, measures, words.shape[1], size)

    def forward(self, batch: Batch, network: "PreTrainedModel") -> Given:
        words = network.get_input_embeddings()(batch.ids)
        added = self.projector(batch.gaze).masked_fill(~batch.seen[..., None], 0.0)
        return _embedded(words + added, batch.real, network)


class Concat(Add):
    """[eye] gaze of each word [/eye] before the text; behind the first token of an encoder, whose
    head reads that one."""

    extra, size = 2, 1.0

    def __init__(self, config: GazeConfig, measures: int, network: "PreTrainedModel") -> None:
        super().__init__(config, measures, network)
        words = network.get_input_embeddings().weight.detach()
        self.eyes = nn.Parameter(words.mean(0) + NOISE * words.std() * torch.randn(2, len(words.T)))
        self.lead = 0 if is_decoder(network) else 1

    def forward(self, batch: Batch, network: "PreTrainedModel") -> Given:
        text = network.get_input_embeddings()(batch.ids)
        gaze, known = packed(batch.first, batch.gaze, batch.first)
        start, end = self.eyes[:, None, None].expand(2, len(text), 1, -1)
        mark = batch.real.new_ones(len(text), 1)
        lead = self.lead
        parts = [text[:, :lead], start, self.projector(gaze), end, text[:, lead:]]
        kept = torch.cat([batch.real[:, :lead], mark, known, mark, batch.real[:, lead:]], 1)
        return _embedded(*packed(kept, torch.cat(parts, 1), kept), network)


class AttentionBias(Plain):
    """Gaze as a bias on the attention that a token gets, by heads, alike in all layers."""

    def __init__(self, config: GazeConfig, measures: int, network: "PreTrainedModel") -> None:
        super().__init__()
        self.causal = is_decoder(network)
        self.bias = nn.Linear(measures, network.config.num_attention_heads)
        nn.init.zeros_(self.bias.weight)
        nn.init.zeros_(self.bias.bias)
        self._refuse_deaf(network)

    def forward(self, batch: Batch, network: "PreTrainedModel") -> Given:
        bias = self.bias(batch.gaze).masked_fill(~batch.seen[..., None], 0.0)
        mask = self._mask(bias, batch.real)
        return Given({"input_ids": batch.ids, "attention_mask": mask}, batch.real)

    def _mask(self, bias: Tensor, real: Tensor) -> Tensor:
        """(rows, tokens, heads), (rows, tokens) -> (rows, heads, tokens, tokens)."""
        rows, tokens, heads = bias.shape
        allowed = real[:, None, None, :].expand(rows, 1, tokens, tokens)
        if self.causal:
            allowed = allowed & allowed.new_ones(tokens, tokens).tril()
        spread = bias.transpose(1, 2)[:, :, None].expand(rows, heads, tokens, tokens)
        return spread.masked_fill(~allowed, torch.finfo(bias.dtype).min)

    @torch.no_grad()
    def _refuse_deaf(self, network: "PreTrainedModel") -> None:
        """Raise a UsageError where a network does not add the bias to its attention."""
        kind, base = network.config.model_type, network.base_model
        local = set(getattr(network.config, "layer_types", None) or ()) - {"full_attention"}
        if local or getattr(network.config, "sliding_window", None):
            told = f"a {kind} attends within windows, which gaze.inject=attn-bias does not know"
            raise UsageError(told)
        ids = torch.arange(3, device=network.device)[None] % len(
            network.get_input_embeddings().weight
        )
        bias = torch.zeros(1, 3, network.config.num_attention_heads, device=network.device)
        real, learning = torch.ones_like(ids, dtype=torch.bool), network.training
        try:
            network.eval()
            plain = base(input_ids=ids).last_hidden_state
            same, other = (
                base(input_ids=ids, attention_mask=self._mask(b, real)).last_hidden_state
                for b in (bias, bias - torch.arange(3, device=bias.device)[:, None])
            )
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise UsageError(f"a {kind} takes no gaze.inject=attn-bias: {error}") from error
        finally:
            network.train(learning)
        if (same - plain).abs().max() > ALIKE or torch.equal(other, same):
            raise UsageError(f"a {kind} takes no gaze.inject=attn-bias: choose another")


class TokenWeight(nn.Module):
    """The reward as a mean over tokens: sum of w v.h, w the softmax of what gaze says; a token
    without gaze counts as one with the mean gaze, and special ones not at all."""

    def __init__(self, measures: int, width: int, special: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Linear(measures, 1, bias=False)
        nn.init.zeros_(self.weight.weight)
        self.value = nn.Linear(width, 1, bias=False)
        self.register_buffer("special", torch.tensor(special, dtype=torch.int64))

    def forward(self, states: Tensor, batch: Batch) -> Tensor:
        """(rows, tokens, width) -> (rows,)."""
        plain = batch.real & ~torch.isin(batch.ids, self.special)
        counted = torch.where(plain.any(1, keepdim=True), plain, batch.real)
        scores = self.weight(batch.gaze)[..., 0].masked_fill(~batch.seen, 0.0)
        weights = scores.masked_fill(~counted, -torch.inf).softmax(1)
        return (weights * self.value(states)[..., 0]).sum(1)


def entry(config: GazeConfig, measures: int, network: "PreTrainedModel") -> Plain:
    """What stands before a network."""
    kinds = {"concat": Concat, "add": Add, "attn-bias": AttentionBias}
    kind = kinds.get(config.inject)
    return kind(config, measures, network) if kind else Plain()


def is_decoder(network: "PreTrainedModel") -> bool:
    """Is the reward read at the last token? So are all heads of one matrix, called score."""
    return isinstance(getattr(network, "score", None), nn.Module)


def _embedded(embeddings: Tensor, real: Tensor, network: "PreTrainedModel") -> Given:
    return Given({"inputs_embeds": embeddings, **_mask(real, network)}, real)


def _mask(real: Tensor, network: "PreTrainedModel") -> dict[str, Tensor]:
    """Who may be attended to. No token of a decoder sees the padding behind it, and without a mask
    attention is computed faster."""
    both_ways = getattr(network.config.get_text_config(), "use_bidirectional_attention", False)
    if is_decoder(network) and not both_ways:
        return {}
    return {"attention_mask": real.long()}
