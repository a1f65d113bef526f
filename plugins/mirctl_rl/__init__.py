"""Recommendation as reinforcement learning: simulated users, and who serves them how well.

What stands where, for whoever builds on it:

- `opening.load(folder) -> World`: a simulator. `world.known` is all that an agent, or a language
  model, may see (the early half of each user's log, items, genres, titles); `world.hidden` pays the
  rewards and is completed from the late half alone.
- `env.UserEnv(world)`: one user, a `gymnasium.Env`. `vector.UsersEnv(world, n)`: n at once, a
  `gymnasium.vector.VectorEnv`; `SAME_STEP` autoreset, `infos["final_obs"]` a dict of arrays like
  `obs`, valid where `infos["_final_obs"]`. `terminated`: the user left; `truncated`: the horizon,
  the one place to bootstrap. User n of `reset(seed=s)` is the one user of `reset(seed=s + n)`.
- `obs`, of n users: `items` (n, history) the last items, oldest first, `world.known.n_items` where
  there is none; `feedback` (n, history) what they earned; `turn` (n,); `user` (n,) where the agent
  knows who it is; `slate` (n, slate) the items on offer where not all are: an action is then a
  place in it, else an item. `infos["action_mask"]` (n, actions): not shown yet; it is the
  environment's own array, valid until the next step.
- `policies.Policy`: `act(obs, mask, rng) -> (n,) actions`. `policies.would_leave(world, obs)` (n,
  actions) applies the quit rule, which an agent may know.
- `states.Drawing(world.known, ...)`: moments of users and what is on offer, of which a teacher
  likes one. `preferences.load(folder)`: what it likes, an artifact of kind `rl/preferences`; its
  facts are `catalogue`, `teacher`, `precision` (`value`, `low`, `high`) and `chance`.
- A saved policy is an artifact of kind `rl/policy`; its manifest's facts are `catalogue`
  (`world.known.digest`) and `method`, whose loader stands in `measuring.LOADERS`.
- `agents.load(folder)` opens a saved policy, `agents.agent(saved, world)` lets it act;
  `learner.Learner` is the loop of A2C, on `UsersEnv`s of real or of `imagining.imagined` users;
  extra/curve.json is its `curve.rows`.
- `evaluation.evaluate(world, policies, episodes, seed)`: measures with intervals, the same users
  for every policy.
"""
