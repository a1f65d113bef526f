"""The artifact of a trained retriever: what it holds, how it is written."""

import os
from typing import TYPE_CHECKING, Any

from mirctl import artifact
from mirctl.artifact import card as cards
from mirctl.run import Run
from mirctl_fuse.retrieval.config import SIDES, PairConfig
from mirctl_fuse.saving import MODALITIES

if TYPE_CHECKING:
    from mirctl_fuse.retrieval.pipeline import Trained

KIND, SCHEMA = "fuse/retriever", 1
QUALITY = """\
Queries that were not learned from, all items ranked, and the other way round; mean over queries
with a 95 % bootstrap interval."""


def save(config: PairConfig, run: Run, trained: "Trained", metrics: dict[str, Any]) -> None:
    """Write the artifact in one rename."""
    facts = {"queries": models(config, "queries"), "items": models(config, "items")}
    with run.artifact(KIND, metrics, schema=SCHEMA, **facts) as draft:
        draft.tensors("model", dict(trained.model.state_dict()))
        draft.json("extra/history.json", list(trained.history))
        draft.json(MODALITIES, {side: read.facts() for side, read in trained.inputs.items()})
        draft.card(_card(config, trained))


def models(config: PairConfig, side: str) -> dict[str, str]:
    """Modality -> its model; of a folder only the last name: others read the artifact, too."""
    given = config.side(side).model.modalities
    named = {name: own.model or str(own.vectors) for name, own in given.items()}
    return {n: os.path.basename(m) if os.path.isabs(m) else m for n, m in named.items()}


def _card(config: PairConfig, trained: "Trained") -> artifact.Words:
    lines, frozen = [], []
    for side in SIDES:
        lines += ["", f"What is read of {side}:", ""]
        for name, own in models(config, side).items():
            lines.append(f"- {cards.cell(name)}: `{cards.code(own)}`, frozen")
            frozen += [own] if config.side(side).model.modalities[name].model else []
    counts = [f"- {part}: {len(trained.pairs.of(part)):,}" for part in ("train", "valid", "test")]
    about = "Made by `mirctl fuse train`; the whole recipe is in `recipe.yaml`."
    return artifact.Words(
        title=f"A retriever: {' and '.join(models(config, 'queries'))} ask for "
        f"{' and '.join(models(config, 'items'))}",
        about="\n".join([about, *lines, "", "Pairs:", "", *counts]),
        quality=QUALITY,
        use="mirctl fuse index FOLDER --out INDEX\n",
        models=list(dict.fromkeys(frozen)),
    )
