"""One optimizer step against the written-out form of the same loss, at batch 64, 256 and 512.

The written-out form runs the side network on every position of the batch, B users x 11, builds all
B * 10 x B * 11 logits, and masks each user's own items by an in-place write into that user's rows;
autograd then copies the whole gradient once a user. Ours runs it once per distinct item and takes
the softmax over distinct items. Same weights, same batch, same dropout, so the same loss.

One thread: a second one spins while it waits, and that would count as CPU time.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import compare, cpu_seconds, goal, movielens
from torch import Tensor
from torch.nn import functional as F

from mirctl import console
from mirctl.data.catalogue import load_catalogue
from mirctl.data.config import DataConfig
from mirctl.encode.states import States
from mirctl.encode.towers import CatalogueInputs, Tower
from mirctl.sequences.histories import Histories, Split
from mirctl.sequences.histories import split as cut
from mirctl.sequences.training import NextItemTask
from mirctl.sequences.users import Recommender
from mirctl_adapt.config import AdaptConfig
from mirctl_adapt.neural import build
from mirctl_adapt.task import task_of

ITEMS, LAYERS, WIDTH, HISTORY, SEED = 20_000, 7, 384, 10, 5
EXPONENT = 1.3
BATCHES = {64: (2.3, 15), 256: (8.0, 9), 512: (50.0, 1)}
"""Batch size -> the least ratio that is the goal, and how often both forms are measured."""
MASKED = -1e4


def catalogue() -> CatalogueInputs:
    """Two towers of random states in memory."""
    generator = torch.Generator().manual_seed(SEED)
    widths, rows = (WIDTH,) * LAYERS, np.arange(ITEMS)
    names = tuple(str(n) for n in range(LAYERS))
    towers = {}
    for name in ("text", "image"):
        block = torch.randn(ITEMS, sum(widths), generator=generator).half()
        towers[name] = Tower(States(widths, names, rows, [block], {}), tuple(range(LAYERS)))
    return CatalogueInputs(towers, ITEMS, torch.device("cpu"))


def zipf_log() -> Split:
    """Users with 11 training items each and two held out; items fall off as Zipf's law says."""
    rng = np.random.default_rng(SEED)
    share = np.arange(1, ITEMS + 1) ** -EXPONENT
    users, length = 2 * max(BATCHES), HISTORY + 3
    items = rng.choice(ITEMS, size=users * length, p=share / share.sum())
    starts = np.arange(users) * length
    whole = Histories(items, starts, starts + length)
    return Split(whole.without_last(2), np.arange(users), whole, ITEMS)


def movielens_log(folder: Path) -> Split:
    """The same of the real MovieLens: every user's last 13 films."""
    settings = DataConfig(interactions=folder / "interactions.csv", items=folder / "items.csv")
    console.configure(quiet=True)
    offsets, items = load_catalogue(settings, seed=SEED).interactions.sequences()
    return cut(offsets, items, ITEMS, "iisan")


def config(batch: int) -> AdaptConfig:
    """The default network, bottleneck 64 and width 64, over short histories."""
    return AdaptConfig.model_validate(
        {
            "uses": "adapt/run",
            "data": {"interactions": "unread.csv"},
            "model": {"text": "unread", "image": "unread", "history": HISTORY},
            "train": {"batch_size": batch, "loss": "batch"},
        }
    )


def written_out(
    model: Recommender, inputs: CatalogueInputs, log_share: Tensor, items: Tensor, inside: Tensor
) -> Tensor:
    """The loss of windows (users, 11), every position a column; `inside` is False on pads."""
    users, time = items.shape
    positions = items.flatten()
    embeddings = model.items(inputs.gather(positions))
    read = model.users(embeddings.view(users, time, -1)[:, :-1]).flatten(0, 1)
    logits = read @ embeddings.T - log_share[positions]
    logits[:, ~inside.flatten()] = MASKED
    place = torch.arange(users * time).view(users, time)
    for user in range(users):
        mine = torch.isin(positions, items[user]).repeat(time - 1, 1)
        mine[torch.arange(time - 1), place[user, 1:]] = False
        logits[user * (time - 1) : (user + 1) * (time - 1)][mine] = MASKED
    real = inside[:, 1:].flatten()
    return F.cross_entropy(logits[real], place[:, 1:].flatten()[real])


class Form:
    """A model with an optimizer of its own, and the way it computes its loss."""

    def __init__(self, task: NextItemTask, state: dict[str, Tensor], *, ours: bool) -> None:
        self.task, self.ours = task, ours
        task.model.load_state_dict(state)
        self.optimizer = torch.optim.Adam(task.model.parameters(), lr=2e-4)

    def loss(self) -> Tensor:
        batch = self.task.batch(0, 0)
        if self.ours:
            return self.task.loss(batch)
        items, lengths, _ = (torch.from_numpy(part) for part in batch)
        inside = torch.arange(items.shape[1]) < lengths[:, None]
        task = self.task
        return written_out(task.model, task.inputs, task.log_share, items, inside)

    def step(self) -> float:
        """Forward, loss, backward, update; gives the loss before the update."""
        torch.manual_seed(SEED)
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def forms(batch: int, inputs: CatalogueInputs, split: Split) -> tuple[Form, Form]:
    """Ours and the peer, equal in every weight."""
    settings = config(batch)
    tasks = []
    for _ in range(2):
        torch.manual_seed(SEED)
        model = build(settings.model, inputs.tower_inputs(normalize=False), ITEMS)
        tasks.append(task_of(settings, model.train(), inputs, split))
    state = {name: value.clone() for name, value in tasks[0].model.state_dict().items()}
    return Form(tasks[0], state, ours=True), Form(tasks[1], state, ours=False)


def measure(batch: int, inputs: CatalogueInputs, split: Split, runs: int) -> float:
    """Print one batch size and give the ratio."""
    ours, peer = forms(batch, inputs, split)
    items = ours.task.batch(0, 0)[0]
    losses: dict[str, list[float]] = {"ours": [], "peer": []}
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}

    def step(name: str, form: Form) -> None:
        losses[name].append(form.step())

    for _ in range(runs):
        for name, form in (("ours", ours), ("peer", peer)):
            seconds[name].append(cpu_seconds(partial(step, name, form)))
    print(f"batch {batch}: {len(np.unique(items))} distinct items at {items.size} positions")
    mine, theirs = losses["ours"][0], losses["peer"][0]
    print(f"  loss of the first step: ours {mine:.6f}, peer {theirs:.6f}")
    goal("difference", abs(mine - theirs), "<=", 1e-4)
    compare(min(seconds["ours"]), min(seconds["peer"]))
    return min(seconds["peer"]) / min(seconds["ours"])


def main() -> None:
    torch.set_num_threads(1)
    inputs, split = catalogue(), zipf_log()
    parameters = sum(p.numel() for p in forms(64, inputs, split)[0].task.model.parameters())
    print(
        f"{LAYERS}+{LAYERS} layers x {WIDTH}, {parameters:,} parameters, history {HISTORY}, ",
        end="",
    )
    print("one thread; least CPU seconds of a step")
    print(f"{ITEMS:,} items by Zipf's law, exponent {EXPONENT}")
    for batch, (limit, runs) in BATCHES.items():
        goal("ratio", measure(batch, inputs, split, runs), ">=", limit, " x")
    print("MovieLens' own items, the last 11 a user, repeat less than that; no goal is set")
    real = movielens_log(movielens())
    for batch in (64, 256):
        print(f"  ratio: {measure(batch, inputs, real, BATCHES[batch][1]):.4g} x")


if __name__ == "__main__":
    main()
