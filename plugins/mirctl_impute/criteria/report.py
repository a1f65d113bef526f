"""The report: one page with nothing outside of it, no script, light or dark as the reader likes."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from mirctl.console import counted
from mirctl_impute.columns import NumberColumn
from mirctl_impute.criteria import plots
from mirctl_impute.criteria.judging import Judgement
from mirctl_impute.criteria.part import Metrics
from mirctl_impute.criteria.style import STYLE
from mirctl_impute.criteria.verdict import EXPLAINED, verdict
from mirctl_impute.evaluating import Filled
from mirctl_impute.table import Table

MOST_COLUMNS = 40
MOST_SCATTERED = 12
MOST_POINTS = 300
WORDS = {"good": "good", "fair": "fair", "poor": "look at"}


@dataclass(frozen=True)
class Content:
    """What the page shows: tables (rows, columns), and what was found."""

    real_name: str
    made_name: str
    table: Table
    real: np.ndarray
    made: np.ndarray
    metrics: Metrics
    judgement: Judgement
    filled: Filled | None = None


def page(content: Content) -> str:
    """The whole page as HTML."""
    title = f"{content.made_name} against {content.real_name}"
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style></head><body><main>",
        *_head(content),
        *_verdict(content),
        *_measures(content),
        *_filled(content),
        *_columns(content),
        *_pairs(content),
        *_privacy(content),
        *_notes(content),
        "</main></body></html>\n",
    ])  # fmt: skip


def _head(content: Content) -> Iterator[str]:
    rows = f"{counted(len(content.made), 'row')}, beside {len(content.real):,} real ones"
    yield f"<header><h1>{escape(content.made_name)}</h1>"
    yield f"<p>against <b>{escape(content.real_name)}</b>, the real table. {rows}; "
    yield f"compared: {counted(len(content.table.columns), 'column')}.</p></header>"


def _verdict(content: Content) -> Iterator[str]:
    yield '<section class="verdict"><ul>'
    said = verdict(content.table, content.metrics, content.judgement, content.filled)
    for level, text in said:
        yield f'<li class="{level}"><span>{WORDS[level]}</span><p>{escape(text)}</p></li>'
    yield "</ul></section>"


def _measures(content: Content) -> Iterator[str]:
    yield '<section><h2>Measures</h2><div class="wide"><table><thead><tr><th>measure</th>'
    yield "<th>table</th><th>real</th><th>95 % interval</th><th>meaning</th></tr></thead><tbody>"
    for name, m in content.metrics.items():
        interval = f"{_number(m['low'])} to {_number(m['high'])}" if "low" in m else ""
        cells = [_number(m["value"]), _number(m.get("real")), interval]
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        yield f"<tr><th>{escape(name)}</th>{numbers}<td>{escape(EXPLAINED[name])}</td></tr>"
    yield "</tbody></table></div><p><i>real</i> is the same of real rows against other real rows: "
    yield "what a table as good as real ones would reach.</p></section>"


def _number(value: float | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return f"{value:.3f}" if np.isfinite(value) else "\u221e"


def _legend(real: str = "real", made: str = "table") -> str:
    return (
        f'<p class="legend"><span class="real"></span>{real} <span class="made"></span>{made}</p>'
    )


def _columns(content: Content) -> Iterator[str]:
    columns = content.table.columns[:MOST_COLUMNS]
    gaps = {}
    if content.judgement.similar is not None:
        gaps = {i: (gap, beside) for i, gap, beside in content.judgement.similar.gaps}
    yield f"<section><h2>Columns</h2>{_legend()}"
    if len(content.table.columns) > MOST_COLUMNS:
        yield f"<p>The first {MOST_COLUMNS} of {len(content.table.columns)}.</p>"
    yield "<p>The outermost bars of a number hold all that lies beyond.</p>"
    yield '<div class="grid">'
    for i, column in enumerate(columns):
        told = ""
        if i in gaps:
            unit = "sd" if isinstance(column, NumberColumn) else "JS"
            told = f"<small>{gaps[i][0]:.3f} {unit}, by chance {gaps[i][1]:.3f}</small>"
        plot = plots.column(column, content.real[:, i], content.made[:, i], f"column{i}")
        yield f"<figure><figcaption>{escape(column.name)}{told}</figcaption>{plot}</figure>"
    yield "</div></section>"


def _pairs(content: Content) -> Iterator[str]:
    similar = content.judgement.similar
    if similar is None or similar.matrices is None or len(similar.paired) < 2:
        return
    chosen = similar.paired[:MOST_COLUMNS]
    names = [content.table.columns[i].name for i in chosen]
    real, made = (np.abs(m[: len(chosen), : len(chosen)]) for m in similar.matrices)
    yield "<section><h2>Pairs of columns</h2>"
    yield "<p>How strongly columns hang together: |r| of numbers, correlation ratio of a number and"
    yield " a category, Cramer's V of categories. Full colour is 1. In the difference orange is "
    yield "stronger in the table, blue is weaker; grey is undefined.</p>"
    yield '<div class="grid three">'
    scale = max(0.2, float(np.nanmax(np.abs(np.nan_to_num(made) - real), initial=0)))
    for title, values, signed in (
        ("real", real, False), ("table", made, False),
        (f"table - real (full colour is {scale:.2f})", np.nan_to_num(made) - real, True),
    ):  # fmt: skip
        plot = plots.heat(values, names, title, signed=signed)
        yield f"<figure><figcaption>{escape(title)}</figcaption>{plot}</figure>"
    yield "</div></section>"


def _privacy(content: Content) -> Iterator[str]:
    private = content.judgement.private
    if private is None:
        return
    yield f"<section><h2>Distance to the closest real row</h2>{_legend('holdout')}"
    yield "<p>Rows that lie nearer to the real table than rows it never saw may give them away. "
    yield "Dotted: the nearest 5 %.</p><figure>"
    yield plots.distances(private.table_distances, private.holdout_distances, "distances")
    yield "</figure></section>"


def _filled(content: Content) -> Iterator[str]:
    if content.filled is None:
        return
    cells = content.filled
    yield '<section><h2>Filled cells</h2><div class="grid">'
    rng, shown, names = np.random.default_rng(0), 0, []
    for i, column in enumerate(cells.table.columns):
        at = cells.mask[:, i].nonzero()[0]
        if not len(at):
            continue
        truth, drawn = cells.truth[at, i], cells.draws[0, at, i]
        if not isinstance(column, NumberColumn):
            frequent = np.bincount(truth.astype(int)).max() / len(truth)
            names.append((column.name, float((drawn == truth).mean()), float(frequent)))
        elif shown < MOST_SCATTERED:
            shown += 1
            some = rng.permutation(len(at))[:MOST_POINTS]
            plot = plots.scatter(truth[some], drawn[some], f"filled{i}")
            yield f"<figure><figcaption>{escape(column.name)}</figcaption>{plot}</figure>"
    yield "</div>"
    if names:
        yield "<figure><figcaption>Share of right categories<small>the mark: always the most "
        yield "frequent</small></figcaption>"
        plot = plots.accuracies(
            *(list(x) for x in zip(*names[:MOST_COLUMNS], strict=True)), "right"
        )
        yield plot + "</figure>"
    yield "</section>"


def _notes(content: Content) -> Iterator[str]:
    if content.judgement.notes:
        yield "<section><h2>How it was measured</h2><ul>"
        yield from (f"<li>{escape(note)}</li>" for note in content.judgement.notes)
        yield "</ul></section>"
