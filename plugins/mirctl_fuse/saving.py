"""The artifact of a trained model: what it holds, how it is written."""

import os
from typing import TYPE_CHECKING, Any

from mirctl import artifact
from mirctl.artifact import card as cards
from mirctl.data.catalogue import Catalogue
from mirctl.encode import tuning
from mirctl.run import Run
from mirctl.sequences import tables
from mirctl.sequences.evaluation import RANKS, Tested
from mirctl.sequences.histories import Split
from mirctl_fuse.config import FuseConfig

if TYPE_CHECKING:
    from mirctl_fuse.pipeline import Trained

KIND, SCHEMA = "fuse/recommender", 1
MODALITIES = "extra/modalities.json"
EXPERTS = "experts"
QUALITY = """\
Leave-one-out on the last interaction, the whole catalogue ranked; mean over users with a 95 %
bootstrap interval."""


def save(
    config: FuseConfig, run: Run, catalogue: Catalogue, split: Split, trained: "Trained",
    tested: Tested,
) -> None:  # fmt: skip
    """Write the artifact in one rename."""
    model = config.model
    facts = {"modalities": models(config), "method": model.method, "fusion": model.fusion}
    with run.artifact(KIND, tested.metrics, schema=SCHEMA, **facts) as draft:
        draft.tensors("model", tuning.own_state(trained.model))
        draft.tensors("items", {"embeddings": trained.scorer.embeddings})
        if trained.weights is not None:
            draft.tensors(EXPERTS, {"weights": trained.weights})
        draft.json("extra/history.json", list(trained.history))
        draft.tensors(RANKS, tested.tensors())
        draft.json(MODALITIES, trained.inputs.facts())
        tables.write_items(draft, catalogue, split)
        if config.save.histories:
            tables.write_users(draft, catalogue)
        draft.card(card(config, catalogue.report))


def models(config: FuseConfig) -> dict[str, str]:
    """Modality -> its model; of a folder only the last name: others read the artifact, too."""
    named = {name: own.model or str(own.vectors) for name, own in config.model.modalities.items()}
    return {n: os.path.basename(m) if os.path.isabs(m) else m for n, m in named.items()}


def _state(config: FuseConfig, name: str) -> str:
    return f"tuned by {config.model.method}" if name in config.model.tuned else "frozen"


def card(config: FuseConfig, report: dict[str, Any]) -> artifact.Words:
    """What the README of the artifact says of it."""
    model = config.model
    named = [
        f"- {cards.cell(n)}: `{cards.code(m)}`, {_state(config, n)}"
        for n, m in models(config).items()
    ]
    counts = [f"- {name.replace('_', ' ')}: {n}" for name, n in report.items() if name != "notes"]
    about = [
        "Made by `mirctl fuse train`; the whole recipe is in `recipe.yaml`.",
        "",
        "Modalities:",
    ]
    histories = "`extra/users.parquet` holds the histories of the training data's users."
    return artifact.Words(
        title=f"A recommender of {len(named)} modalities: {model.method}, {model.fusion}",
        about="\n".join([*about, "", "Modalities:", "", *named, "", "Data:", "", *counts]),
        quality=QUALITY,
        use="mirctl fuse eval FOLDER --missing\n",
        notes=histories if config.save.histories else "",
        models=[m for n, m in models(config).items() if config.model.modalities[n].model],
    )
