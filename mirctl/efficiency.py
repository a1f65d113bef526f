"""What a run cost: time, memory, parameters, throughput, energy."""

import os
import platform
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirctl import distributed

if TYPE_CHECKING:
    import torch

SAMPLE_SECONDS = 0.05
_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def anonymous_memory() -> int | None:
    """Bytes of anonymous resident memory now; mapped files of the cache do not count."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _cpu_name() -> str | None:
    """What the processor calls itself, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), None)


def _cpu_energy() -> float | None:
    """Joules that the processor package has counted, where the system lets us read it."""
    try:
        return int(_RAPL.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def _cuda_energy(device: "torch.device") -> float | None:
    """Joules that a CUDA device has counted, where NVIDIA's library is installed and tells it."""
    try:
        import pynvml
        import torch

        pynvml.nvmlInit()
        number = torch.cuda.get_device_properties(device).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{number}".encode())
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
    except Exception:  # no such package, library, device or counter
        return None


def _energy(device: "torch.device | None") -> dict[str, float | None]:
    """Joules counted so far by what takes part in the run; None where that cannot be read.

    Of several processes on a machine one reads what the machine's processors spend.
    """
    on_cuda = device is not None and device.type == "cuda"
    cpu = {} if distributed.process().local else {"cpu": _cpu_energy()}
    return {**cpu, **({"cuda": _cuda_energy(device)} if on_cuda else {})}


@dataclass
class Phase:
    """One part of a run; `items` is set by whoever does the work, and gives it a rate."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    items: int = 0
    shared: bool = False
    """True: of several processes each has items of its own."""

    def add(self, other: "Phase") -> None:
        self.seconds += other.seconds
        self.cpu_seconds += other.cpu_seconds
        self.items += other.items
        self.shared |= other.shared

    def beside(self, other: "Phase") -> "Phase":
        """What two processes spent at the same time."""
        shared = self.shared or other.shared
        items = self.items + other.items if shared else max(self.items, other.items)
        seconds = max(self.seconds, other.seconds)
        return Phase(seconds, self.cpu_seconds + other.cpu_seconds, items, shared)

    def facts(self) -> dict[str, float]:
        rate = {"items": self.items, "items_per_second": self.items / max(self.seconds, 1e-9)}
        return {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            **(rate if self.items else {}),
        }


@dataclass
class _Clock:
    """Wall and CPU seconds since it was made."""

    wall: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=time.process_time)

    def seconds(self) -> tuple[float, float]:
        return time.monotonic() - self.wall, time.process_time() - self.cpu


def together(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the processes of a run spent: the longest time, the largest memory of any of them, the
    sums of CPU time and energy."""

    def joined(phases: Iterable[dict[str, Any]]) -> dict[str, Any]:
        return vars(reduce(Phase.beside, (Phase(**phase) for phase in phases)))

    phases: dict[str, list[dict[str, Any]]] = {}
    joules: dict[str, list[float | None]] = {}
    for state in states:
        for name, phase in state["phases"].items():
            phases.setdefault(name, []).append(phase)
        for name, spent in state["joules"].items():
            joules.setdefault(name, []).append(spent)
    return {
        "total": joined(state["total"] for state in states),
        "joules": {k: None if None in known else sum(known) for k, known in joules.items()},
        "peak": max(state["peak"] for state in states),
        "peak_cuda": max(state["peak_cuda"] for state in states),
        "parts": states[0]["parts"],
        "phases": {name: joined(each) for name, each in phases.items()},
    }


class Meter:
    """Measures one run: `with meter:` around it, `with meter.phase("train"):` inside.

    A run that was interrupted carries `state` in its checkpoint, and the figures of its parts add
    up: what was spent is told, not what the last part took.
    """

    def __init__(self, device: "torch.device | None" = None) -> None:
        self.device = device
        self.phases: dict[str, Phase] = {}
        self.facts: dict[str, Any] = {}
        self.peak = 0
        self._peak_cuda = 0
        self.parts = 1
        self._others: list[dict[str, Any]] = []
        self._before = Phase()
        self._joules_before: dict[str, float | None] = {}
        self._open: dict[str, tuple[_Clock, Phase]] = {}
        self._clock, self._joules_at_start = _Clock(), _energy(device)
        if device is not None and device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(device)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Meter":
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _sample(self) -> None:
        while not self._stop.is_set():
            self.peak = max(self.peak, anonymous_memory() or 0)
            self._stop.wait(SAMPLE_SECONDS)

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Time one part of the run; set `items` of what it yields to how many were worked on."""
        clock, part = _Clock(), Phase()
        self._open[name] = clock, part
        try:
            yield part
        finally:
            del self._open[name]
            part.seconds, part.cpu_seconds = clock.seconds()
            self.phases.setdefault(name, Phase()).add(part)

    def record(self, **facts: Any) -> None:
        """Note a figure that only the plugin knows, such as its trainable parameters."""
        self.facts.update(facts)

    def _total(self) -> Phase:
        total = Phase(*self._clock.seconds())
        total.add(self._before)
        return total

    def _cuda_memory(self) -> int:
        """Largest memory on the run's CUDA device, bytes; 0 where it has none."""
        if self.device is None or self.device.type != "cuda":
            return 0
        import torch

        return max(self._peak_cuda, torch.cuda.max_memory_allocated(self.device))

    def _joules(self) -> dict[str, float | None]:
        """By device; None where a part is unknown, as after a counter began anew at zero."""
        spent = {}
        for name, now in _energy(self.device).items():
            start, before = self._joules_at_start[name], self._joules_before.get(name, 0.0)
            known = None not in (now, start, before) and now >= start
            spent[name] = now - start + before if known else None
        return spent

    def state(self) -> dict[str, Any]:
        """Everything spent so far, phases under way included: for a checkpoint."""
        phases = {name: Phase(**vars(part)) for name, part in self.phases.items()}
        for name, (clock, part) in self._open.items():
            phases.setdefault(name, Phase()).add(Phase(*clock.seconds(), part.items))
        return {
            "total": vars(self._total()),
            "joules": self._joules(),
            "peak": self.peak,
            "peak_cuda": self._cuda_memory(),
            "parts": self.parts,
            "phases": {name: vars(part) for name, part in phases.items()},
        }

    def gather(self) -> dict[str, Any]:
        """What all processes spent so far, which all of them ask; `report` counts it, too."""
        mine, *others = distributed.from_all(self.state())
        self._others = [] if distributed.rank() else others
        return together([mine, *others])

    def go_on(self, state: dict[str, Any]) -> None:
        """Add what the interrupted parts of this run spent, all processes of it."""
        if distributed.rank():
            return
        self._before.add(Phase(**state["total"]))
        self._joules_before = state["joules"]
        self.peak = max(self.peak, state["peak"])
        self._peak_cuda = state["peak_cuda"]
        self.parts += state["parts"]
        for name, part in state["phases"].items():
            self.phases.setdefault(name, Phase()).add(Phase(**part))

    def report(self) -> dict[str, Any]:
        """Everything measured so far; null where it cannot be read, never a guess."""
        import torch

        spent = together([self.state(), *self._others])
        total = Phase(**spent["total"])
        cuda = self.device is not None and self.device.type == "cuda"
        return {
            "seconds": total.seconds,
            "cpu_seconds": total.cpu_seconds,
            "parts": self.parts,
            "processes": distributed.world(),
            "peak_anonymous_bytes": spent["peak"] or None,
            "peak_cuda_bytes": spent["peak_cuda"] if cuda else None,
            "energy_joules": spent["joules"],
            "phases": {name: Phase(**part).facts() for name, part in spent["phases"].items()},
            **self.facts,
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "cpu": _cpu_name(),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
                "cuda": torch.cuda.get_device_name(self.device) if cuda else None,
            },
        }
