"""Rows of a batch without their padding, and with what two of them begin with computed once.

A causal network computes all of its layers but attention on each token by itself, and a token by
those before it alone. So the tokens of all rows stand behind each other, each once, and only
attention sees rows: (1, tokens) in, (1, tokens) out.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mirctl_align.injection import Given
from mirctl_align.rows import alike

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "mirctl_packed"
"""Of the attention, as transformers calls it."""
ALIKE = 1e-4
"""Largest difference of states that are the same."""


@dataclass(frozen=True)
class Packing:
    """Where the tokens of rows stand."""

    own: Tensor
    """(tokens,) of each token that is computed its place in the rows, one after the other."""
    place: Tensor
    """(rows, length) of each place the token that stands there; at padding any."""
    groups: list[Tensor]
    """Places (some rows, their length) that attention computes together."""
    back: Tensor
    """(tokens,) of each token its place in the groups, one after the other."""

    @classmethod
    def of(cls, real: Tensor, shared: Tensor) -> "Packing":
        """Of rows real (rows, length), padded at the right end, whose second half begins with the
        first `shared` (rows / 2,) tokens of the first half."""
        rows, length = real.shape
        column = torch.arange(length, device=real.device)
        again = column < shared[:, None]
        own = real.clone()
        own[rows // 2 :] &= ~again
        place = own.flatten().cumsum(0).reshape(rows, length) - 1
        first, second = place.chunk(2)
        place = torch.cat([first, torch.where(again, first, second)])
        groups = _groups(real)
        together = [place[some, : int(real[some].sum(1).max())] for some in groups]
        flat = torch.cat([some.flatten() for some in together])
        computed = torch.cat([own[some, : t.shape[1]].flatten()
                              for some, t in zip(groups, together, strict=True)])  # fmt: skip
        at = computed.nonzero()[:, 0]
        back = torch.empty_like(at).scatter_(0, flat[at], at)
        return cls(own.flatten().nonzero()[:, 0], place, together, back)

    def arguments(self, given: Given) -> dict[str, Any]:
        """What a network is called with for rows that it would be `given`."""
        length = self.place.shape[1]
        told = {name: value.flatten(0, 1)[self.own][None]
                for name, value in given.arguments.items()}  # fmt: skip
        # A mask of four dimensions is taken as it is, and not read: see attend.
        mask = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=self.own.device)
        positions = (self.own % length)[None]
        return {**told, "position_ids": positions, "attention_mask": mask, "packing": self}


def _groups(real: Tensor) -> list[Tensor]:
    """Numbers of rows that are computed together: those of like length, where padding costs more
    than another call."""
    if real.device.type != "cpu":
        return [torch.arange(len(real), device=real.device)]
    return [torch.from_numpy(some) for some in alike(real.sum(1).numpy())]


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor,
    attention_mask: Tensor | None, *, packing: Packing | None = None, **settings: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention (1, heads, tokens, width) within the rows of a packing; without one, as ever."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward as attention

    if packing is None:
        return attention(module, query, key, value, attention_mask, **settings)
    tokens = [part[0].transpose(0, 1).contiguous() for part in (query, key, value)]
    found = []
    for places in packing.groups:
        rows = [part.index_select(0, places.flatten()).unflatten(0, places.shape).transpose(1, 2)
                for part in tokens]  # fmt: skip
        found.append(attention(module, *rows, None, **settings)[0].flatten(0, 1))
    return torch.cat(found).index_select(0, packing.back)[None], None


def enable(network: "PreTrainedModel") -> bool:
    """Make a causal network take a packing; False, and nothing changed, where it does not."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    config = network.config.get_text_config()
    local = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    before = config._attn_implementation
    if local or getattr(config, "sliding_window", None) or before != "sdpa":
        return False
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    config._attn_implementation = NAME
    if _able(network):
        return True
    config._attn_implementation = before
    return False


@torch.no_grad()
def _able(network: "PreTrainedModel") -> bool:
    """Are the states of packed rows those of rows?"""
    words = len(network.get_input_embeddings().weight)
    ids = torch.tensor([[0, 1, 2, 3], [0, 1, 4, 0]], device=network.device) % words
    real = torch.tensor([[True] * 4, [True] * 3 + [False]], device=network.device)
    packing = Packing.of(real, torch.tensor([2], device=network.device))
    learning = network.training
    try:
        network.eval()
        plain = network.base_model(input_ids=ids).last_hidden_state
        told = packing.arguments(Given({"input_ids": ids}, real))
        found = network.base_model(**told).last_hidden_state[0][packing.place]
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
        return False
    finally:
        network.train(learning)
    return bool(torch.allclose(found[real], plain[real], atol=ALIKE, rtol=ALIKE))
