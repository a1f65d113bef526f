"""Tensors that several processes put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mirctl import distributed
from mirctl.distributed import Process, reaching_others


class Join(torch.autograd.Function):
    """Rows of all processes as one tensor. Sent as float32, which every backend adds up."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, process: Process, count: int) -> Tensor:
        ctx.mine, ctx.dtype = process.rows(count), own.dtype
        parts = [Process(r, process.world).rows(count) for r in range(process.world)]
        most = max(part.stop - part.start for part in parts)
        padded = own.new_zeros(most, *own.shape[1:], dtype=torch.float32)
        padded[: len(own)] = own
        found = [torch.empty_like(padded) for _ in parts]
        with reaching_others():
            dist.all_gather(found, padded)
        rows = [f[: part.stop - part.start] for f, part in zip(found, parts, strict=True)]
        return torch.cat(rows).to(own.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        total = gradient.float().contiguous()
        total = total.clone() if total.data_ptr() == gradient.data_ptr() else total
        with reaching_others():
            dist.all_reduce(total)
        return total[ctx.mine].to(ctx.dtype), None, None


def add_gradients(weights: Sequence[nn.Parameter]) -> None:
    """Give every process the sum of all processes' gradients.

    A weight that no process has a gradient for keeps none, as it would in one process. All is sent
    at once when all is there, and so in one order: torch's DDP sends while gradients are still
    computed, and would mix with what `Join` sends then.
    """
    if distributed.world() == 1 or not weights:
        return
    here = weights[0].new_tensor([float(w.grad is not None) for w in weights])
    parts = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    flat = torch.cat([here, *(part.flatten() for part in parts)])
    with reaching_others():
        dist.all_reduce(flat)
    there, *sums = flat.split([len(weights), *(w.numel() for w in weights)])
    for weight, known, total in zip(weights, there.tolist(), sums, strict=True):
        weight.grad = total.view_as(weight).to(weight.dtype) if known else None


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor in pieces; any other tensor as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def copy_first(tensors: Iterable[Tensor]) -> None:
    """Make tensors equal to those of the first process."""
    if distributed.world() > 1:
        with reaching_others():
            for tensor in tensors:
                dist.broadcast(tensor.detach(), src=0)
