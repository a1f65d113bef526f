"""The optimizers of the training loop."""

from typing import TYPE_CHECKING

from torch import nn
from torch.optim import AdamW, Muon, Optimizer

if TYPE_CHECKING:
    from mirctl.training import TrainConfig


def optimizers(model: nn.Module, config: "TrainConfig") -> list[Optimizer]:
    """What updates the trainable weights of a model, all at one learning rate.

    muon: matrices of linear layers move along their orthogonalised momentum (Jordan et al., 2024),
    scaled to the size of AdamW's steps (arXiv 2502.16982); AdamW moves all other weights.
    """
    weights = {id(p): p for p in model.parameters() if p.requires_grad}
    found: list[Optimizer] = []
    if config.optimizer == "muon":
        linear = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
        matrices = [weights.pop(id(w)) for w in linear if id(w) in weights]
        if matrices:
            decay = config.weight_decay
            found.append(Muon(matrices, config.lr, decay, adjust_lr_fn="match_rms_adamw"))
    rest = list(weights.values())
    if rest:
        found.append(AdamW(rest, lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay))
    return found
