"""A learner without a run's folder, on a small world."""

from pathlib import Path
from types import SimpleNamespace

import torch

from mirctl.efficiency import Meter
from mirctl_rl.config import LearnConfig
from mirctl_rl.learner import Learner
from mirctl_rl.online import fresh
from mirctl_rl.vector import UsersEnv

QUICK = {"users": 16, "turns": 4, "lr": 0.02}


def fake_run(seed=0, saved=None):
    """All that a learner asks of a run; checkpoints go into the list `saved`."""
    cpu, kept = torch.device("cpu"), [] if saved is None else saved
    return SimpleNamespace(
        seed=seed, device=cpu, meter=Meter(cpu), work=Path("work"), out=Path("out"),
        load_checkpoint=lambda: kept[-1] if kept else None, save_checkpoint=kept.append,
    )  # fmt: skip


def learner_of(world, seed=0, *, width=16, env=None, saved=None, frozen=None, mixing=None, **how):
    config = LearnConfig(**QUICK | how)
    users = env or UsersEnv(world, config.users)
    network = fresh(world, width, seed)
    return Learner(users, network, config, fake_run(seed, saved), seed, frozen, mixing)


def weights_of(learner):
    return {name: t.clone() for name, t in learner.network.state_dict().items()}
