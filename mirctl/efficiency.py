"""What a run cost: time, memory, parameters, throughput, energy."""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def _energy() -> float | None:
    """Joules that the processor package has counted, where the system lets us read it."""
    try:
        return int(_RAPL.read_text()) / 1e6
    except (OSError, ValueError):
        return None


class Meter:
    """Measures one run: `with meter:` around it, `with meter.phase("train"):` inside."""

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}
        self.facts: dict[str, Any] = {}
        self.peak = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Meter":
        self._start, self._cpu, self._joules = time.monotonic(), time.process_time(), _energy()
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
    def phase(self, name: str, items: int | None = None) -> Iterator[None]:
        """Time one part of the run; `items` gives it a rate."""
        wall, cpu = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            seconds = time.monotonic() - wall
            entry = self.phases.setdefault(name, {"seconds": 0.0, "cpu_seconds": 0.0})
            entry["seconds"] += seconds
            entry["cpu_seconds"] += time.process_time() - cpu
            if items is not None:
                entry["items"] = entry.get("items", 0) + items
                entry["items_per_second"] = entry["items"] / max(entry["seconds"], 1e-9)

    def record(self, **facts: Any) -> None:
        """Note a figure that only the plugin knows, such as its trainable parameters."""
        self.facts.update(facts)

    def report(self) -> dict[str, Any]:
        """Everything measured so far; null where it cannot be read, never a guess."""
        import torch

        joules = _energy()
        known = joules is not None and self._joules is not None
        cuda = torch.cuda.is_available()
        return {
            "seconds": time.monotonic() - self._start,
            "cpu_seconds": time.process_time() - self._cpu,
            "peak_anonymous_bytes": self.peak or None,
            "peak_cuda_bytes": torch.cuda.max_memory_allocated() if cuda else None,
            "energy_joules": joules - self._joules if known else None,
            "phases": self.phases,
            **self.facts,
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
                "cuda": torch.cuda.get_device_name() if cuda else None,
            },
        }
