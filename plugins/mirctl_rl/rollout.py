"""A rollout: the turns of many users between two updates of the weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mirctl.errors import RunError
from mirctl_rl.curve import Curve
from mirctl_rl.mixing import Mixing
from mirctl_rl.network import Network, Tables, drawn, odds, tensors
from mirctl_rl.session import Obs
from mirctl_rl.vector import UsersEnv


@dataclass(frozen=True, eq=False)
class Rollout:
    """What n users did in some turns; states are (turns * n, ...), the rest (turns, n)."""

    obs: dict[str, Tensor]
    odds: Tensor
    """(turns * n, actions) of the learning policy, whoever chose."""
    actions: Tensor
    ratio: Tensor
    """The learning policy's odds of the action over those of the policy that chose it."""
    values: Tensor
    rewards: Tensor
    terminated: Tensor
    truncated: Tensor
    finals: Tensor
    """Values of final states, where an episode was truncated."""
    last: Tensor
    """(n,) values of the states after the last turn."""


@dataclass
class Roller:
    """Lets a network, or a frozen one beside it, serve the users of an environment."""

    env: UsersEnv
    network: Network
    curve: Curve
    device: torch.device
    frozen: Network | None = None
    mixing: Mixing | None = None

    def begin(self, seed: int, rng: np.random.Generator) -> None:
        """Let the first users come."""
        self.obs, infos = self.env.reset(seed=seed)
        self.mask: np.ndarray = infos["action_mask"]
        self._assign(np.arange(self.env.num_envs), rng)

    @torch.no_grad()
    def roll(self, turns: int, step: int, rng: np.random.Generator) -> Rollout:
        """Some turns of all users; `step` items were shown before."""
        self.tables = self.network.tables()
        theirs = None if self.frozen is None else self.frozen.tables()
        seen, played = [], []
        for turn in range(turns):
            obs = tensors(self.obs, self.device)
            query, value = self.network.encode(obs, self.tables)
            mask = torch.from_numpy(self.mask).to(self.device)
            own = odds(self.network.logits(query, self.tables, obs.get("slate")), mask)
            chosen_by = own if theirs is None else self._mixed(own, obs, mask, theirs)
            uniform = torch.from_numpy(rng.random(len(own), np.float32)).to(self.device)
            action = drawn(chosen_by, uniform)
            ratio = _of(own, action) / _of(chosen_by, action)
            place = step + (turn + 1) * self.env.num_envs
            seen.append((obs, own, action))
            played.append((ratio, value, *self._step(action.cpu().numpy(), place, rng)))
        states, every, actions = zip(*seen, strict=True)
        last = self._values(self.obs)
        together = {name: torch.cat([obs[name] for obs in states]) for name in states[0]}
        ratios, values, *rest = (torch.stack(part) for part in zip(*played, strict=True))
        return Rollout(together, torch.cat(every), torch.cat(actions), ratios, values, *rest, last)

    def _mixed(self, own: Tensor, obs: dict[str, Tensor], mask: Tensor, theirs: Tables) -> Tensor:
        """(n, actions) the odds by which each user's policy chooses."""
        who = torch.from_numpy(np.flatnonzero(self.curve.frozen)).to(self.device)
        some = {name: part[who] for name, part in obs.items()}
        query, _ = self.frozen.encode(some, theirs)
        logits = self.frozen.logits(query, theirs, some.get("slate"))
        return own.index_copy(0, who, odds(logits, mask[who]))

    def _step(self, action: np.ndarray, step: int, rng: np.random.Generator) -> list[Tensor]:
        """(rewards, terminated, truncated, values of final states), each (n,)."""
        before = self.obs
        self.obs, reward, left, over, infos = self.env.step(action)
        self.mask = infos["action_mask"]
        if not np.isfinite(reward).all():
            raise RunError(self._unpaid(before, action, reward, step))
        self.curve.earn(reward)
        finals = np.zeros(len(reward), np.float32)
        if over.any():
            some = {name: part[over] for name, part in infos["final_obs"].items()}
            finals[over] = self._values(some).cpu().numpy()
        if (done := left | over).any():
            self._end(np.flatnonzero(done), step, rng)
        arrays = (reward.astype(np.float32), left, over, finals)
        return [torch.from_numpy(array).to(self.device) for array in arrays]

    def _values(self, obs: Obs) -> Tensor:
        return self.network.encode(tensors(obs, self.device), self.tables)[1]

    def _end(self, who: np.ndarray, step: int, rng: np.random.Generator) -> None:
        if self.mixing is not None:
            for user in who:
                policy = 0 if self.curve.frozen[user] else 1
                self.mixing.ended(policy, float(self.curve.total[user]))
        self.curve.end(who, step)
        self._assign(who, rng)

    def _assign(self, who: np.ndarray, rng: np.random.Generator) -> None:
        if self.mixing is not None:
            self.curve.frozen[who] = self.mixing.assigned(len(who), rng)

    def _unpaid(self, obs: Obs, action: np.ndarray, reward: np.ndarray, step: int) -> str:
        n = int(np.argmin(np.isfinite(reward)))
        known = self.env.world.known
        item = action[n] if "slate" not in obs else obs["slate"][n, action[n]]
        return (
            f"the reward of item {known.items[item]!r} is {reward[n]} at step {step:,}: rewards "
            "are finite numbers, so the simulator is damaged, or its class is wrong"
        )


def _of(odds: Tensor, action: Tensor) -> Tensor:
    return odds.gather(1, action[:, None])[:, 0]
