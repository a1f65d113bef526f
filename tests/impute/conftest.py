"""A small table whose columns depend on each other in a known way, and a model that learned it."""

import numpy as np
import pytest

from mirctl import cli
from mirctl_impute import saving

SMALL = (
    "model.width=32",
    "model.heads=2",
    "model.encoder_layers=1",
    "model.decoder_layers=1",
    "model.dropout=0",
    "train.epoch_rows=4096",
    "train.epochs=30",
)
KINDS = {
    "size": "integer",
    "weight": "number",
    "colour": "category",
    "heavy": "boolean",
    "made": "date",
    "shop": "constant",
    "note": "text",
}


def rows(count: int, seed: int = 0) -> dict[str, list[str]]:
    """weight = 2 size + a little; colour goes by size; heavy and made by weight."""
    rng = np.random.default_rng(seed)
    size = rng.integers(0, 60, count)
    weight = 2 * size + rng.normal(0, 2, count)
    days = np.datetime64("1969-06-01") + (weight * 10).astype("timedelta64[D]")
    return {
        "size": [str(s) for s in size],
        "weight": [f"{w:.2f}" for w in weight],
        "colour": [("red", "green", "blue, dark")[s // 20] for s in size],
        "heavy": ["yes" if w > 60 else "no" for w in weight],
        "made": [str(d) for d in days],
        "shop": ["here"] * count,
        "note": [f"seen by number {i} of many" for i in range(count)],
    }


def csv_text(columns: dict[str, list[str]], holes: np.ndarray | None = None) -> str:
    """As a CSV file; `holes` (rows, columns) are empty."""
    cells = [[f'"{c}"' if "," in c else c for c in column] for column in columns.values()]
    if holes is not None:
        cells = [
            ["" if hole else c for c, hole in zip(column, holes[:, i], strict=True)]
            for i, column in enumerate(cells)
        ]
    lines = [",".join(columns), *map(",".join, zip(*cells, strict=True))]
    return "\n".join(lines) + "\n"


def holes(count: int, share: float = 0.3, seed: int = 1) -> np.ndarray:
    """Holes at random (rows, columns), none in `note`."""
    found = np.random.default_rng(seed).random((count, len(KINDS))) < share
    found[:, -1] = False
    return found


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """An artifact of 600 rows with 20 % holes."""
    folder = tmp_path_factory.mktemp("learned")
    table = folder / "table.csv"
    table.write_text(csv_text(rows(600), holes(600, 0.2)))
    arguments = ["impute", "fit", str(table), *SMALL, "--out", str(folder / "model"), "--quiet"]
    assert cli.run_command(arguments) == 0
    return folder / "model"


@pytest.fixture
def imputer(learned):
    return saving.load(learned, "cpu")


@pytest.fixture
def holed(tmp_path):
    """A file of 90 new rows with holes."""
    path = tmp_path / "holed.csv"
    path.write_text(csv_text(rows(90, seed=5), holes(90)))
    return path
