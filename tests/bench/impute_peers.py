"""Fills a table with a peer, in the peer's own environment: PEER HOLES.csv OUT.csv [DRAWS].

The tables are CSV with a header; a column is a number if all its cells are. Prints CPU seconds.
mean: mean and mode. missforest: random forests of 20 trees, 3 rounds (scikit-learn), columns with
fewest holes first, categories as numbers in the features. miceforest: its own defaults but for 3
rounds, 50 trees and, as its default matching fails on many categories, no mean matching candidates.
"""

import resource
import sys

import numpy as np
import pandas as pd


def main() -> None:
    peer, source, target = sys.argv[1:4]
    draws = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    text = pd.read_csv(source, dtype=str, keep_default_na=False)
    frame = read(text)
    before = cpu()
    fills = {"mean": mean, "missforest": missforest, "miceforest": miceforest}[peer](frame, draws)
    print(cpu() - before)
    written = [write(text, frame, fill) for fill in fills]
    if draws > 1:
        for number, one in enumerate(written, start=1):
            one.insert(0, "draw", str(number))
    pd.concat(written).to_csv(target, index=False)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read(text: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, all else as categories; empty and ? are missing."""
    columns = {}
    for name in text.columns:
        cells = text[name].str.strip()
        cells = cells.where(~cells.isin(["", "?"]))
        numbers = pd.to_numeric(cells, errors="coerce")
        whole = (numbers.notna() == cells.notna()).all() and numbers.nunique() > 2
        words = text[name].where(cells.notna()).astype("category")
        columns[name] = numbers.astype(float) if whole else words
    return pd.DataFrame(columns)


def write(text: pd.DataFrame, frame: pd.DataFrame, fill: pd.DataFrame) -> pd.DataFrame:
    """Observed cells as they were; whole numbers stay whole."""
    out = text.copy()
    for name in frame.columns:
        gone = frame[name].isna()
        values = fill[name][gone]
        if frame[name].dtype.kind == "f":
            seen = text[name][~gone].str.strip()
            places = int(seen.str.partition(".")[2].str.len().max() or 0)
            values = values.clip(frame[name].min(), frame[name].max())
            out.loc[gone, name] = values.map(lambda v, p=places: f"{v:.{p}f}")
        else:
            out.loc[gone, name] = values.astype(str)
    return out


def mean(frame: pd.DataFrame, draws: int) -> list[pd.DataFrame]:
    filled = {
        name: column.fillna(column.mean() if column.dtype.kind == "f" else column.mode()[0])
        for name, column in frame.items()
    }
    return [pd.DataFrame(filled)]


def missforest(frame: pd.DataFrame, draws: int) -> list[pd.DataFrame]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    numbers = {name: column.dtype.kind == "f" for name, column in frame.items()}
    coded = frame.apply(lambda c: c if numbers[c.name] else c.cat.codes.replace(-1, np.nan))
    gone = coded.isna()
    filled = coded.apply(lambda c: c.fillna(c.mean() if numbers[c.name] else c.mode()[0]))
    for _ in range(3):
        for name in gone.sum().sort_values().index:
            at = gone[name]
            if not at.any():
                continue
            kind = RandomForestRegressor if numbers[name] else RandomForestClassifier
            others = filled.drop(columns=name)
            forest = kind(20, random_state=0).fit(others[~at], coded[name][~at])
            filled.loc[at, name] = forest.predict(others[at])
    out = {
        name: filled[name]
        if numbers[name]
        else pd.Series(frame[name].cat.categories[filled[name].astype(int)], frame.index)
        for name in frame.columns
    }
    return [pd.DataFrame(out)]


def miceforest(frame: pd.DataFrame, draws: int) -> list[pd.DataFrame]:
    import miceforest as mf

    kernel = mf.ImputationKernel(frame, num_datasets=draws, mean_match_candidates=0, random_state=0)
    kernel.mice(3, num_iterations=50, verbose=False, num_threads=1)
    return [kernel.complete_data(dataset=i) for i in range(draws)]


if __name__ == "__main__":
    main()
