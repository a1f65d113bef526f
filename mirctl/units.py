"""The parts of a model that are compiled, or gathered, each as one."""

from collections.abc import Iterator

from torch import nn


def called(model: nn.Module) -> Iterator[nn.Module]:
    """What a task calls: the model, or where it has no weights of its own, its children."""
    own = any(True for _ in model.parameters(recurse=False))
    for unit in [model] if own else model.children():
        if any(True for _ in unit.parameters()):
            yield unit


def blocks(model: nn.Module, least: int) -> Iterator[nn.Module]:
    """Repeated blocks of at least so many weights, inner ones before those they are a part of."""
    for module in reversed([*model.modules()]):
        for block in module if isinstance(module, nn.ModuleList) else ():
            weights = sum(weight.numel() for weight in block.parameters())
            if weights >= least and not isinstance(block, nn.ModuleList):
                yield block
