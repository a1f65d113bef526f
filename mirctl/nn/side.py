"""The blocks of side networks: small modules that learn beside a frozen encoder."""

from torch import Tensor, nn
from torch.nn import functional as F

TEMPERATURE = 0.1
"""Of the gates: what they learn is divided by it before its sigmoid or softmax."""


class SideAdapter(nn.Module):
    """A(x) = W_up ReLU(W_down x + b_down) + b_up + x over (n, width)."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width)
        for layer in (self.down, self.up):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(F.relu(self.down(x))) + x


def carry(width: int, to: int) -> nn.Module:
    """The identity where the width stays, else a Linear."""
    return nn.Identity() if width == to else nn.Linear(width, to)


def head(width: int, dim: int, kind: str) -> nn.Module:
    """(n, width) -> (n, dim): two linear layers, with a GELU between them for kind "gelu"."""
    if kind == "linear":
        return nn.Sequential(nn.Linear(width, width), nn.Linear(width, dim))
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
    )
