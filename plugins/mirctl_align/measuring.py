"""A saved reward model, measured on pairs."""

from collections.abc import Sequence
from pathlib import Path

import torch

from mirctl.errors import UsageError
from mirctl_align import evaluation, pairs
from mirctl_align.config import MEASURED, PairsConfig
from mirctl_align.evaluation import Metrics, Scored
from mirctl_align.gaze import Measures
from mirctl_align.pipeline import score_pairs
from mirctl_align.reader import Reader
from mirctl_align.saving import Opened
from mirctl_align.tokens import Tokens


def reader(opened: Opened, device: torch.device, measured: Sequence[str] = ()) -> Reader:
    """What gives the model what it reads of dialogues; `measured` are the data's own measures."""
    gaze = opened.stored.gaze.model_copy(update={"measures": opened.stored.measures})
    opened.generator()  # raises where it is not what it was
    measures = Measures(gaze, device, measured) if opened.model.needs_gaze else None
    tokens = Tokens.of(opened.stored.text, opened.base, opened.model)
    return Reader(tokens, measures, gaze.shuffle)


def to_score(opened: Opened, device: torch.device) -> Reader:
    """The same, for texts without anything beside them."""
    gaze = opened.stored.gaze
    if opened.model.needs_gaze and gaze.generator == MEASURED:
        told = "it learned from gaze that stood beside its pairs, and texts have none: see eval"
        raise UsageError(told, where=str(opened.art.folder))
    if opened.model.needs_gaze and gaze.shuffle:
        told = "it is a control with shuffled gaze: eval measures it, and it scores no texts"
        raise UsageError(told, where=str(opened.art.folder))
    return reader(opened, device)


def measure(
    opened: Opened, path: Path | str, config: PairsConfig, by: Sequence[str],
    device: torch.device, seed: int,
) -> tuple[Metrics, Scored]:  # fmt: skip
    """All metrics of a reward model on a file of pairs."""
    given = pairs.read(path, config)
    given.tell()
    ready = reader(opened, device, given.measures).pairs(given.pairs, given.name)
    opened.model.to(device)
    scored = score_pairs(opened.model, ready, device)
    return evaluation.evaluate(scored, by, seed), scored
