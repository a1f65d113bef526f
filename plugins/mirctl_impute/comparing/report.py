"""The one table of a comparison, and what must be known to read it."""

from collections.abc import Sequence

from mirctl import console
from mirctl.console import counted
from mirctl_impute.comparing.case import Outcome
from mirctl_impute.comparing.plan import FILL, Plan
from mirctl_impute.comparing.summary import CPU, NAMES, REAL, WORSE, Metrics
from mirctl_impute.evaluating import FEWEST_DRAWS
from mirctl_impute.rivals.generate import CONTROLS
from mirctl_impute.rivals.ours import ABLATIONS, NAME


def report(plan: Plan, outcomes: Sequence[Outcome], metrics: Metrics) -> str:
    """For people."""
    methods = [*plan.methods, *([REAL] if plan.task != FILL else [])]
    labels = list(dict.fromkeys(outcome.case for outcome in outcomes))
    names = [
        name
        for name in NAMES[plan.task]
        if any(key.partition("@")[0].endswith(f".{name}") for key in metrics)
    ]
    rows = []
    for label in labels:
        at = f"@{label}" if label else ""
        found = {m: {n: metrics.get(f"{m}.{n}{at}") for n in (*names, CPU)} for m in methods}
        best = {name: _best(found, name) for name in names}
        width = max(map(len, labels))
        for method, entries in found.items():
            cells = [_cell(entries[name], method in best[name]) for name in names]
            first = f"{label:{width}}  {method}" if label else method
            rows.append([first, *cells, _seconds(entries[CPU])])
    head = "holes, method" if plan.task == FILL else "method"
    parts = [console.table([head, *(f"{name} " for name in names), "CPU s"], rows)]
    return "\n".join([*parts, "", *_notes(plan, outcomes)])


def _best(found: dict[str, dict[str, dict | None]], name: str) -> set[str]:
    """The methods with the best value, as it is shown."""
    if name not in WORSE:
        return set()
    shown = {
        method: WORSE[name](round(entries[name]["value"], 3))
        for method, entries in found.items()
        if entries[name] is not None and method not in CONTROLS
    }
    return {method for method, value in shown.items() if value == min(shown.values())}


def _cell(entry: dict | None, best: bool) -> str:
    if entry is None:
        return "- "
    half = f" ±{entry['high'] - entry['value']:.3f}" if "high" in entry else ""
    return f"{entry['value']:.3f}{half}{'*' if best else ' '}"


def _seconds(entry: dict | None) -> str:
    return "-" if entry is None else f"{entry['value']:.1f}"


def _notes(plan: Plan, outcomes: Sequence[Outcome]) -> list[str]:
    notes = ["* the best, controls aside"] if plan.task != FILL else ["* the best for these holes"]
    if plan.seeds > 1:
        notes[0] += f"; ± 95 % interval of the mean over {plan.seeds} seeds"
    if plan.task == FILL:
        notes.append("nrmse, accuracy: of a method's best single value")
        notes.append(
            f"wd, js, coverage: of its {plan.draws} draws, or of that value where it has no draws"
        )
        if plan.draws < FEWEST_DRAWS:
            notes.append(f"coverage wants --draws {FEWEST_DRAWS} or more")
    else:
        notes.append("shuffle and copy are controls; real: real rows against real rows")
    taken = [name for name in plan.methods if name in ABLATIONS]
    notes += [f"{name}: {NAME} with {' '.join(ABLATIONS[name])}" for name in taken]
    return [*notes, *_failures(outcomes), *_warnings(outcomes)]


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    failed: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.error:
            failed.setdefault(outcome.method, []).append(outcome.error)
    return [
        f"{method} failed {counted(len(why), 'time')}: {why[0]}" for method, why in failed.items()
    ]


def _warnings(outcomes: Sequence[Outcome]) -> list[str]:
    """What the criteria say of the rows a method made, once a method."""
    said: dict[str, int] = {}
    for outcome in outcomes:
        for warning in outcome.details.get("warnings", ()):
            line = f"{outcome.method}: {warning}"
            said[line] = said.get(line, 0) + 1
    return list(said)
