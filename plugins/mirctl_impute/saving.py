"""The artifact of a learned table: what it holds, how it is written and read."""

from pathlib import Path
from typing import Any

import torch

from mirctl import artifact, device
from mirctl.artifact import card as cards
from mirctl.console import counted
from mirctl.run import Run
from mirctl_impute.ablated import Mlp, Pooled
from mirctl_impute.config import ImputeConfig, ModelConfig
from mirctl_impute.denoiser import Denoiser
from mirctl_impute.imputer import Imputer
from mirctl_impute.model import MTabGen
from mirctl_impute.stored import StoredTable
from mirctl_impute.table import Table

KIND, SCHEMA = "impute/table", 1
TABLE = "extra/table.json"
NETWORK = "extra/network.json"


def build(table: Table, config: ModelConfig) -> Denoiser:
    """The network of a table, its weights random."""
    denoiser = {"mtabgen": MTabGen, "pooled": Pooled, "mlp": Mlp}[config.denoiser]
    layers = config.encoder_layers, config.decoder_layers
    return denoiser(table.levels, config.width, layers, config.heads, config.dropout, table.places)


def save(
    config: ImputeConfig, run: Run, table: Table, model: Denoiser, metrics: dict[str, Any],
    history: list[dict[str, float]], rows: int,
) -> None:  # fmt: skip
    """Write the artifact in one rename."""
    facts = {"rows": rows, "columns": len(table.columns)}
    with run.artifact(KIND, metrics, schema=SCHEMA, **facts) as draft:
        draft.tensors("model", dict(model.state_dict()))
        draft.json(TABLE, table.to_json())
        draft.json(NETWORK, config.model.model_dump())
        draft.json("extra/history.json", history)
        draft.card(card(table, rows))


def load(path: Path, device_name: str = "auto") -> Imputer:
    """Open the artifact of a learned table for use; an ArtifactError where it is damaged."""
    art = artifact.open_artifact(path, KIND, SCHEMA)
    chosen = device.choose(device_name)
    table = art.checked(TABLE, StoredTable).table()
    config = art.checked(NETWORK, ModelConfig)
    with torch.device("meta"):  # nothing is set aside before the file is known to fit
        wanted = build(table, config).state_dict()
    expected = {name: (t.dtype, t.shape) for name, t in wanted.items()}
    weights = art.expected_tensors("model", expected)
    model = build(table, config)
    model.load_state_dict(weights)
    return Imputer(table, model.to(chosen).eval(), chosen)


ABOUT = """\
Made by `mirctl impute fit` from {rows}; the whole recipe is in `recipe.yaml`.

{columns}
"""
QUALITY = """\
Held-out cells (which also chose the epoch), filled as `fill --point` does: numbers by their root
mean squared error in standard deviations (nrmse), categories by the share that is right (accuracy).
n counts cells."""
USE = """\
mirctl impute fill FOLDER holes.csv > full.csv
mirctl impute sample FOLDER -n 1000 > rows.csv
"""
NOTES = """\
The artifact holds no row of the table, but what stands in its columns: every spelling of a
category, and up to 2,048 values of a number, the smallest and the largest among them."""


def card(table: Table, rows: int) -> artifact.Words:
    """What the README of the artifact says of it."""
    columns = cards.table(["column", "kind"], table.kinds.items())
    about = ABOUT.format(rows=counted(rows, "row"), columns=columns)
    return artifact.Words("A learned table", about, QUALITY, USE, NOTES)
