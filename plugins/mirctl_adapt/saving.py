"""The artifact of a trained recommender: what it holds, how it is written."""

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
from mirctl_adapt.config import AdaptConfig

if TYPE_CHECKING:
    from mirctl_adapt.pipeline import Trained

KIND, SCHEMA = "adapt/recommender", 1

TOWERS = "extra/towers.json"


def save(
    config: AdaptConfig,
    run: Run,
    catalogue: Catalogue,
    split: Split,
    trained: "Trained",
    tested: Tested,
) -> None:
    """Write the artifact in one rename."""
    facts = {
        "method": config.model.method,
        "encoders": _encoders(config),
        **({"kept_epoch": trained.kept_epoch} if trained.history else {}),
    }
    with run.artifact(KIND, tested.metrics, schema=SCHEMA, **facts) as draft:
        if trained.model is not None:
            draft.tensors("model", tuning.own_state(trained.model))
            draft.tensors("items", {"embeddings": trained.scorer.embeddings})
            draft.json("extra/history.json", list(trained.history))
        else:
            draft.tensors("model", dict(trained.scorer.tensors()))
        draft.tensors(RANKS, tested.tensors())
        draft.json(TOWERS, trained.inputs.facts() if trained.inputs else {})
        tables.write_items(draft, catalogue, split)
        if config.save.histories:
            tables.write_users(draft, catalogue)
        draft.card(card(config, catalogue.report, trained.kept_epoch))


def _encoders(config: AdaptConfig) -> dict[str, str]:
    """Tower -> its model; of a folder only the last name, since others read the artifact, too."""
    models = {name: encoder.model for name, encoder in config.model.encoders.items()}
    return {n: os.path.basename(m) if os.path.isabs(m) else m for n, m in models.items()}


def _state(config: AdaptConfig, name: str) -> str:
    return f"tuned by {config.model.method}" if name in config.model.tuned else "frozen"


QUALITY = """\
Leave-one-out on the last interaction, the whole catalogue ranked; mean over users with a 95 %
bootstrap interval."""


def card(config: AdaptConfig, report: dict[str, Any], kept: int | None) -> artifact.Words:
    """What the README of the artifact says of it."""
    encoders = _encoders(config)
    named = [
        f"- {cards.cell(name)}: `{cards.code(model)}`, {_state(config, name)}"
        for name, model in encoders.items()
    ]
    counts = [f"- {name.replace('_', ' ')}: {n}" for name, n in report.items() if name != "notes"]
    about = ["Made by `mirctl adapt run`; the whole recipe is in `recipe.yaml`.", ""]
    about += ["Encoders:", "", *named, ""] if named else []
    use = "mirctl adapt recommend FOLDER --history ITEM,ITEM,ITEM --k 10\n"
    embed = "mirctl adapt embed FOLDER --items new_items.csv --out embeddings.parquet\n"
    histories = "`extra/users.parquet` holds the histories of the training data's users."
    return artifact.Words(
        title=f"A recommender: {config.model.method}",
        about="\n".join([*about, "Data:", "", *counts]),
        quality=QUALITY + (f" Epoch {kept} was kept: the best on validation." if kept else ""),
        use=use + embed if named else use,
        notes=histories if config.save.histories else "",
        models=list(encoders.values()),
    )
