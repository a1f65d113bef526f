"""The artifact of a learned table: what it holds, how it is written and read."""

from pathlib import Path
from typing import Any

import torch

from mirctl import artifact, device
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
        draft.text("README.md", card(table, metrics, rows))


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


CARD = """\
# A learned table

Made by `mirctl impute fit` from {rows:,} rows; the whole recipe is in `recipe.yaml`.

| column | kind |
| --- | --- |
{columns}

## Quality

Held-out cells (which also chose the epoch), filled as `fill --point` does: numbers by their root
mean squared error in standard deviations (nrmse), categories by the share that is right (accuracy).

| metric | value | 95 % interval | cells |
| --- | --- | --- | --- |
{metrics}

## Use

```
mirctl impute fill FOLDER holes.csv > full.csv
mirctl impute sample FOLDER -n 1000 > rows.csv
```

The artifact holds no row of the table, but what stands in its columns: every spelling of a
category, and up to 2,048 values of a number, the smallest and the largest among them.
"""


def card(table: Table, metrics: dict[str, Any], rows: int) -> str:
    """The README of the artifact."""
    figures = [
        f"| {name} | {m['value']:.4f} | {m['low']:.4f} to {m['high']:.4f} | {m['n']} |"
        for name, m in metrics.items()
    ]
    kinds = [f"| {_cell(name)} | {kind} |" for name, kind in table.kinds.items()]
    return CARD.format(rows=rows, columns="\n".join(kinds), metrics="\n".join(figures))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
