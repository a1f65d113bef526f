"""What of a model's state training changes."""

from torch import Tensor, nn


def changing(model: nn.Module) -> dict[str, Tensor]:
    """Its state without frozen weights: those of a large encoder are in no checkpoint."""
    fixed = frozen(model)
    return {name: value for name, value in model.state_dict().items() if name not in fixed}


def load(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Take up what `changing` gave; raise a RuntimeError where it is of another model."""
    fixed = frozen(model)
    model.load_state_dict({n: v for n, v in model.state_dict().items() if n in fixed} | state)


def frozen(model: nn.Module) -> set[str]:
    """Names of weights that do not learn."""
    every = model.named_parameters(remove_duplicate=False)
    return {name for name, weight in every if not weight.requires_grad}
