"""A model in pieces, for what does not fit one device: each process keeps its part of every weight,
of its gradient and of the optimizer's state (torch's FSDP, `fully_shard`).

Whole weights exist for a moment, unit by unit, while they are used. Saved and loaded are whole
tensors, so that what one number of processes wrote, another one reads.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from mirctl import distributed, units
from mirctl.distributed import reaching_others
from mirctl.errors import MissingError

LEAST_WEIGHTS = 1 << 16
"""Smaller blocks are gathered with what is around them: a message costs more than they take."""


def split(model: nn.Module, device: torch.device) -> nn.Module:
    """The same model in pieces; `model` itself moves to the CPU until `join` fills it again."""
    if not hasattr(FSDPModule, "set_reduce_scatter_unused_params"):
        raise MissingError(f"train.parallel=fsdp needs torch 2.13, this is {torch.__version__}")
    pieces = copy.deepcopy(model.cpu())
    mesh = init_device_mesh(device.type, (distributed.world(),))
    for unit in [*units.blocks(pieces, LEAST_WEIGHTS), *units.called(pieces)]:
        fully_shard(unit, mesh=mesh)
    for module in pieces.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)  # the losses are shares: gradients add up
            module.set_force_sum_reduction_for_comms(True)
            module.set_reduce_scatter_unused_params(True)
    return pieces.to(device)


def join(pieces: nn.Module, model: nn.Module, device: torch.device) -> nn.Module:
    """The weights of the pieces in the model that they were made from, in every process."""
    with torch.no_grad():
        state = {name: _whole(tensor) for name, tensor in pieces.state_dict().items()}
    model.load_state_dict(state)
    return model.to(device)


def _whole(tensor: Tensor) -> Tensor:
    if not isinstance(tensor, DTensor):
        return tensor
    with reaching_others():
        return tensor.full_tensor()


def gathered(state: Any) -> Any:
    """A state with whole tensors; in other processes than the first, which saves it, without."""
    if isinstance(state, dict):
        return {key: gathered(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(gathered(value) for value in state)
    if not isinstance(state, DTensor):
        return state
    whole = _whole(state)
    return whole.new_empty(0) if distributed.rank() else whole.cpu()


def cut(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor in the pieces of another one, if that is in pieces."""
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    tensor = tensor.to(like.device_mesh.device_type)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None)


def cut_state(
    state: dict[str, Any],
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    means: Sequence[Tensor],
) -> dict[str, Any]:
    """A training state of whole tensors, in the pieces of what is trained."""
    pieces = model.state_dict()

    def of_model(saved: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: cut(tensor, pieces[name]) for name, tensor in saved.items()}

    both = zip(state["optimizer"], optimizers, strict=True)
    return {
        **state,
        "model": of_model(state["model"]),
        "best": of_model(state["best"]),
        "optimizer": [_of_optimizer(saved, optimizer) for saved, optimizer in both],
        "average": [cut(t, mean) for t, mean in zip(state["average"], means, strict=True)],
    }


def _of_optimizer(state: dict[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    weights: Sequence[Tensor] = [w for group in optimizer.param_groups for w in group["params"]]
    kept = {
        number: {key: cut(v, weights[number]) if torch.is_tensor(v) else v for key, v in of.items()}
        for number, of in state["state"].items()
    }
    return {**state, "state": kept}
