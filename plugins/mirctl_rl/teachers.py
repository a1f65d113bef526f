"""Who says what users like: controls, and texts. A language model is in `questioning`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mirctl.encode.catalogue import Wanted, encode
from mirctl.encode.settings import EncoderSettings
from mirctl.errors import DataError
from mirctl.run import Run
from mirctl_rl.config import DistillConfig
from mirctl_rl.states import State
from mirctl_rl.world import Known, World

Scores = Callable[[State], np.ndarray]
"""(m,) of a state: the higher, the better liked of what is on offer."""


def likes(
    name: str, config: DistillConfig, run: Run, world: World, states: Sequence[State]
) -> list[np.ndarray]:
    """What a control likes in each state, (m,) float32."""
    known = world.known
    builders: dict[str, Callable[[], Scores]] = {
        "random": lambda: random(config.seed),
        "popular": lambda: popular(known),
        "text": lambda: text(known, config.text, run),
        "text+popular": lambda: both(text(known, config.text, run), popular(known)),
        "oracle": lambda: oracle(world),
        "adversarial": lambda: adversarial(world),
    }
    score = builders[name]()
    return [picked(state, score(state)) for state in states]


def picked(state: State, score: np.ndarray) -> np.ndarray:
    """(m,) float32: 1 for the best of the offer, else 0."""
    return (np.arange(len(score)) == score.argmax()).astype(np.float32)


def popular(known: Known) -> Scores:
    """How many others took it in the early half."""

    def scores(state: State) -> np.ndarray:
        begin, end = known.offsets[state.user], known.offsets[state.user + 1]
        own = (known.item[begin:end, None] == state.offer[None, :]).sum(axis=0)
        return (known.popularity[state.offer] - own).astype(np.float64)

    return scores


def random(seed: int) -> Scores:
    """Any."""
    return lambda state: np.random.default_rng((seed, state.number, 0x4A4D)).random(
        len(state.offer)
    )


def oracle(world: World) -> Scores:
    """What the simulator pays by: a ceiling that no teacher knows."""

    def scores(state: State) -> np.ndarray:
        row = state.history[-1] if world.moves else state.user
        rows = np.full(len(state.offer), row)
        return world.hidden.rewards.factors.scores(rows, state.offer)

    return scores


def adversarial(world: World) -> Scores:
    """The oracle turned round."""
    best = oracle(world)
    return lambda state: -best(state)


def text(known: Known, settings: EncoderSettings, run: Run) -> Scores:
    """How near a title is to those of the last items, of rated ones the better half."""
    if not any(known.titles):
        told = "the simulator's items have no titles: texts have nothing to compare"
        raise DataError(told, where="teacher")
    wanted = Wanted({"title": settings}, {"title": known.titles}, known.items, lambda _: "text")
    states = encode(wanted, run.device, run.dtype, run.meter)["title"]
    run.note_input("titles of the items", states.content)
    run.note_input("title model", states.weights)
    there = np.flatnonzero(states.present())
    place = np.zeros((known.n_items, states.widths[-1]), np.float32)
    place[there] = states.gather(there)[:, -states.widths[-1] :].float().numpy()
    place /= np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-12)

    def scores(state: State) -> np.ndarray:
        liked = state.history[state.value >= state.value.mean()]
        return place[state.offer] @ place[liked].mean(axis=0)

    return scores


def both(one: Scores, other: Scores) -> Scores:
    """The sum of their ranks."""

    def ranks(score: np.ndarray) -> np.ndarray:
        return (score[:, None] > score[None, :]).sum(axis=1) + 0.5 * (
            (score[:, None] == score[None, :]).sum(axis=1) - 1
        )

    return lambda state: ranks(one(state)) + ranks(other(state))
