"""Where tensors live and in which precision: what was asked for is there, or it is an error."""

import torch

from mirctl import distributed
from mirctl.console import counted
from mirctl.errors import MissingError, UsageError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def choose(name: str) -> torch.device:
    """The device of a name; `auto` takes cuda, then mps, then cpu. Of several processes each has
    the card of its number on its machine.
    """
    process = distributed.process()
    if process.here > 1 and name.startswith("cuda:"):
        raise UsageError(f"device {name!r} is one card for several processes: say cuda")
    if process.world > 1 and name in ("auto", "cuda") and torch.cuda.is_available():
        name = f"cuda:{process.local}"
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device {name!r}: use auto, cpu, cuda[:N] or mps") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"device {name!r}: use auto, cpu, cuda[:N] or mps")
    count = torch.cuda.device_count()
    # torch keeps a number's last byte only: 256 would be card 0.
    if device.type == "cuda" and int(name.partition(":")[2] or 0) >= count:
        raise MissingError(f"device {name!r} is not here: torch sees {count} CUDA devices")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise MissingError("device 'mps' is not here")
    return device


def precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of a precision's name; `auto` is bf16 on CUDA cards that have it, else fp32."""
    if name == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if able else torch.float32
    if name not in DTYPES:
        raise UsageError(f"precision {name!r}: use auto, {', '.join(DTYPES)}")
    if name == "fp16" and device.type == "cpu":
        raise UsageError("precision fp16 is not for the CPU: use fp32 or bf16")
    return DTYPES[name]


def mixed(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Inside, a model computes in that precision; its weights stay as they are."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; to a CUDA card from pinned memory, while the CPU goes on."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """One line for people: what the run took."""
    short = NAMES[dtype]
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)}), {short}"
    if device.type == "cpu":
        return f"{device}, {counted(torch.get_num_threads(), 'thread')}, {short}"
    return f"{device}, {short}"
