"""A tiny catalogue with a known law: item i is followed by item i + 1, around a circle."""

import csv
from pathlib import Path

import numpy as np

N_ITEMS = 30


def write_catalogue(folder: Path, *, users: int = 60, seed: int = 0) -> Path:
    """interactions.csv and items.csv; titles tell the item's place in words of the tiny models."""
    words = ["one", "two", "three", "four", "story", "heat"]
    rng = np.random.default_rng(seed)
    with open(folder / "interactions.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "item_id", "timestamp"])
        for user in range(users):
            start, length = rng.integers(N_ITEMS), rng.integers(6, 14)
            for t in range(length):
                rows.writerow([f"u{user}", f"i{(start + t) % N_ITEMS}", 1000 + t])
    with open(folder / "items.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["item_id", "title"])
        for item in range(N_ITEMS):
            rows.writerow([f"i{item}", f"{words[item // 6]} {words[item % 6]} toy"])
    return folder
