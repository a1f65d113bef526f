"""`mirctl fuse eval`: a saved model measured again, whatever it was trained for."""

from collections.abc import Sequence
from pathlib import Path

from mirctl import artifact, jobs
from mirctl_fuse import measuring
from mirctl_fuse.measuring import Measured
from mirctl_fuse.retrieval import evaluation, saving
from mirctl_fuse.retrieval import measuring as of_pairs


def names() -> list[str]:
    """Every key that `evaluate` may give."""
    return list(dict.fromkeys([*measuring.names(), *evaluation.names()]))


def evaluate(
    folder: Path, changes: Sequence[str], options: jobs.Options, *, apart: bool, missing: bool
) -> Measured:
    """Measure a recommender, or a retriever."""
    kind = artifact.open_artifact(folder).manifest.kind
    how = of_pairs if kind == saving.KIND else measuring
    return how.evaluate(folder, changes, options, apart=apart, missing=missing)
