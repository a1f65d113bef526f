"""The optimizers of the training loop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import nn
from torch.optim import AdamW, Muon, Optimizer

if TYPE_CHECKING:
    from mirctl.training import TrainConfig


def optimizers(
    model: nn.Module, config: "TrainConfig", rates: Mapping[str, float] | None = None
) -> list[Optimizer]:
    """What updates the trainable weights of a model. Each group of weights has its highest rate
    under `highest`: that of `rates` for names which begin so, else the config's.

    muon: matrices of linear layers move along their orthogonalised momentum (Jordan et al., 2024),
    scaled to the size of AdamW's steps (arXiv 2502.16982); AdamW moves all other weights.
    """
    weights = {id(p): p for p in model.parameters() if p.requires_grad}
    found: list[Optimizer] = []
    for start, highest in (rates or {}).items():
        named = [p for name, p in model.named_parameters() if name.startswith(start)]
        own = [weights.pop(id(p)) for p in named if id(p) in weights]
        if own:
            found.append(_adamw(own, highest, config))
    if config.optimizer == "muon":
        linear = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
        matrices = [weights.pop(id(w)) for w in linear if id(w) in weights]
        if matrices:
            decay = config.weight_decay
            groups = [{"params": matrices, "highest": config.lr}]
            found.append(Muon(groups, config.lr, decay, adjust_lr_fn="match_rms_adamw"))
    rest = list(weights.values())
    if rest:
        found.append(_adamw(rest, config.lr, config))
    return found


def _adamw(weights: list[nn.Parameter], highest: float, config: "TrainConfig") -> AdamW:
    groups = [{"params": weights, "highest": highest}]
    return AdamW(groups, lr=highest, betas=(0.9, 0.98), weight_decay=config.weight_decay)
