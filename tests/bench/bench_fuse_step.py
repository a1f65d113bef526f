"""What four modalities cost: parameters beside pairwise IISAN, a step beside one of two, memory.

Parameters are those of what reads items (towers, heads, fusion), over the four encoders of the
recipe fuse/ml-100k and over four of one width; the reader of histories is the same for all. A step
is forward, loss, backward and update over a catalogue of MovieLens' size, states in memory, batches
of 128 histories of 50; two modalities are those of one encoder of each width. Memory is the most
that a process of its own holds above one that trains nothing, for 1 to 8 modalities of one width.

One thread: a second one spins while it waits, and that would count as CPU time.
"""

import sys

import numpy as np
import torch
from measure import cpu_seconds, goal, run_child

from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs, Tower
from mirctl.sequences.histories import Histories, Split
from mirctl_fuse import network
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.pipeline import task_of
from mirctl_fuse.task import FuseTask

ITEMS, USERS, HISTORY, BATCH, SEED = 1_682, 256, 50, 128, 5
TEXT = (384,) * 6
"""Six groups of MiniLM's layers."""
PICTURE, TEXTURE = (24, 40, 80, 112, 192, 320), (24, 24, 40, 40, 80, 80)
"""EfficientNet-Lite0's, and those of its first layers."""
RECIPE = (TEXT, PICTURE, TEXT, TEXTURE)
EVEN = (TEXT,) * 4
RUNS = 9


def config(count: int, method: str) -> FuseConfig:
    """The default network on so many modalities."""
    names = {f"m{n}": {"vectors": "unread.npy"} for n in range(count)}
    return FuseConfig.model_validate(
        {
            "uses": "fuse/train",
            "data": {"interactions": "unread.csv"},
            "model": {"modalities": names, "method": method, "history": HISTORY},
            "train": {"batch_size": BATCH},
        }
    )


def inputs(widths: tuple[tuple[int, ...], ...]) -> CatalogueInputs:
    """Towers of random states in memory."""
    draw, rows, towers = torch.Generator().manual_seed(SEED), np.arange(ITEMS), {}
    for n, own in enumerate(widths):
        block = torch.randn(ITEMS, sum(own), generator=draw).half()
        names = tuple(map(str, range(len(own))))
        towers[f"m{n}"] = Tower(States(own, names, rows, [block], {}), tuple(range(len(own))))
    return CatalogueInputs(towers, ITEMS, torch.device("cpu"))


def split() -> Split:
    """Users with whole windows of training items, and two held out each."""
    length = HISTORY + 3
    items = np.random.default_rng(SEED).integers(ITEMS, size=USERS * length)
    starts = np.arange(USERS) * length
    whole = Histories(items, starts, starts + length)
    return Split(whole.without_last(2), np.arange(USERS), whole, ITEMS)


def task(widths: tuple[tuple[int, ...], ...], method: str = "crossan") -> FuseTask:
    """The task of one epoch, untrained."""
    settings, read = config(len(widths), method), inputs(widths)
    torch.manual_seed(SEED)
    model = network.build(settings.model, read.tower_inputs(normalize=True)).train()
    return task_of(settings, model, read, split())


class Steps:
    """Takes one step after the other."""

    def __init__(self, made: FuseTask) -> None:
        self.task, self.step = made, 0
        self.optimizer = torch.optim.AdamW(made.model.parameters(), lr=1e-3, fused=True)

    def __call__(self) -> None:
        loss = self.task.loss(self.task.batch(0, self.step % self.task.steps(0)))
        self.step += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()


def seconds(made: list[FuseTask]) -> list[float]:
    """The least CPU seconds of a step of each, taken in turn so that all meet the same load."""
    steps = [Steps(one) for one in made]
    for step in steps:
        step()
    return [min(each) for each in zip(*([cpu_seconds(s) for s in steps] for _ in range(RUNS)),
                                      strict=True)]  # fmt: skip


def weights(made: FuseTask) -> int:
    """Trainable parameters of what reads items."""
    return sum(p.numel() for p in made.model.items.parameters() if p.requires_grad)


def cost_beside_pairs(name: str, widths: tuple[tuple[int, ...], ...]) -> None:
    """Parameters and a step of crossan, and of pairwise IISAN over the same encoders."""
    ours, peer = task(widths), task(widths, "pairwise-iisan")
    print(f"{name}: ours {weights(ours):,} parameters, pairwise IISAN {weights(peer):,}")
    goal("parameters, ours over pairwise IISAN", weights(ours) / weights(peer), "<=", 0.45)
    mine, theirs = seconds([ours, peer])
    print(f"  a step: ours {mine:.3f} s CPU, pairwise IISAN {theirs:.3f} s CPU")
    goal("a step, ours over pairwise IISAN", mine / theirs, "<=", 0.7)


def cost_of_four(name: str, four: tuple[tuple[int, ...], ...]) -> None:
    """A step of four modalities beside one of the first two."""
    slow, fast = seconds([task(four), task(four[:2])])
    print(f"{name}: a step of four {slow:.3f} s CPU, of two {fast:.3f} s CPU")
    goal("four over two", slow / fast, "<=", 1.6)


def memory() -> None:
    """A line through the peaks of 1, 2, 4, 8 modalities, and how far the points are from it."""
    idle = run_child([sys.executable, __file__, "0"]).peak
    counts = np.array([1, 2, 4, 8])
    peaks = np.array([run_child([sys.executable, __file__, n]).peak - idle for n in counts]) / 1e6
    slope, start = np.polyfit(counts, peaks, 1)
    told = ", ".join(f"{n}: {peak:.0f}" for n, peak in zip(counts, peaks, strict=True))
    print(f"memory above a process that trains nothing, MB by modalities: {told}")
    off = float(np.abs(peaks - (start + slope * counts)).max() / peaks.max())
    print(f"  {slope:.0f} MB a modality and {start:.0f}")
    goal("off that line, of the largest", off, "<=", 0.1)


def train(count: int) -> None:
    """What a child process of `memory` does."""
    torch.set_num_threads(1)
    if count:
        step = Steps(task((TEXT,) * count))
        for _ in range(3):
            step()


def main() -> None:
    torch.set_num_threads(1)
    cost_beside_pairs("the recipe's encoders", RECIPE)
    cost_beside_pairs("four of 6 x 384", EVEN)
    cost_of_four("the recipe's encoders", RECIPE)
    cost_of_four("four of 6 x 384", EVEN)
    memory()


if __name__ == "__main__":
    train(int(sys.argv[1])) if len(sys.argv) > 1 else main()
