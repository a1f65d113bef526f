"""Everything a plugin may implement. Each hook is optional, called without arguments unless shown.

A plugin is a module (or object) behind an entry point of the group `mirctl.plugins`. It carries
`mirctl_api = 1` and decorates its implementations with `mirctl.hookspecs.hookimpl`. Hooks that
give things are called when a command first needs them; they must be cheap and import nothing
heavy, which is why they return import strings ("package.module:name") instead of objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pluggy

if TYPE_CHECKING:
    from mirctl.run import Run

API = 1
hookspec = pluggy.HookspecMarker("mirctl")
hookimpl = pluggy.HookimplMarker("mirctl")


@dataclass(frozen=True)
class Job:
    """What a recipe's `uses: plugin/command` names."""

    name: str
    """PLUGIN/COMMAND."""
    config: str
    """Import string of its pydantic model, a subclass of `mirctl.section.JobConfig`."""
    function: str
    """Import string of a function `(config, run) -> mirctl.run.Result`."""
    summary: str = ""
    """One line: what goes in -> what comes out."""
    metrics: str = ""
    """Import string of a function `() -> names`; a --require of another is refused at once. Where
    they depend on the data, a name may be a pattern: `mae.*`."""
    makes: Literal["artifact", "table"] = "artifact"
    """What stands at `--out` in the end: an artifact's folder, or a file."""
    suffix: str = ".csv"
    """How a table's name ends in a pipeline, where the step has no `out` of its own."""
    shards: bool = False
    """True: of its table the function makes the part that `run.shard` says (`--shard i/n`)."""
    check: str = ""
    """Import string of a function `(config) -> None` that reads the inputs and raises what would
    stop a run, for --dry-run."""


@dataclass(frozen=True)
class EncoderSpec:
    """A frozen encoder of raw items."""

    name: str
    """What a recipe calls it: `{model: NAME, encoder: ENCODER}`."""
    modality: Literal["text", "image", "audio", "video"]
    load: str
    """Import string of a function `(settings, model, device, dtype) -> mirctl.encode.Encoder`."""
    accepts: str
    """Import string of a function `(mirctl.hub.Model) -> bool`: can it run this model?"""
    resolve: str = ""
    """Import string of a function `(name) -> mirctl.hub.Model`, for models that are no folder of
    safetensors: used, and `accepts` not asked, where the recipe names the encoder."""


@dataclass(frozen=True)
class WordFeatures:
    """A generator of measures of words: how long they would be read, say."""

    name: str
    """What a command line calls it: NAME, or NAME:WEIGHTS."""
    open: str
    """Import string of a function `(weights: str | None) -> mirctl.words.Source`; it reads no
    weights yet."""
    kind: str = ""
    """Artifacts of this kind are opened by it, too, their folder being the weights."""


@dataclass(frozen=True)
class Dataset:
    """A named data set that `mirctl data get` writes."""

    name: str
    summary: str
    terms: str
    """Who gives it, and what it may be used for; `mirctl data list` shows it."""
    get: str
    """Import string of a function `(out, images, force) -> report`."""


@dataclass(frozen=True)
class ArtifactKind:
    """What an artifact's `kind` means and who loads it."""

    kind: str
    """PLUGIN/WHAT, as the manifest has it."""
    schema: int
    """The newest that the loader reads; it reads all older ones, too."""
    loader: str
    """Import string of a function `(folder) -> object`; an ArtifactError says what cannot be right.

    `artifact verify` calls it, too.
    """
    merge: str = ""
    """Import string of a function `(parts, out, force) -> None` that joins opened artifacts which
    are shards, in order and complete; their manifest says `shard: [i, n]`."""
    headline: tuple[str, ...] = ()
    """Metrics that stand for all: `mirctl bench` shows the first that an artifact has."""
    less_is_better: tuple[str, ...] = ()
    """Metrics of which that is so."""


GIVES = {
    "mirctl_jobs": Job,
    "mirctl_encoders": EncoderSpec,
    "mirctl_word_features": WordFeatures,
    "mirctl_datasets": Dataset,
    "mirctl_artifact_kinds": ArtifactKind,
}
"""Hook -> what its list holds."""


@hookspec
def mirctl_jobs() -> list[Job]:
    """The jobs of this plugin: `mirctl run` and `mirctl recipe` know nothing else.

    Called once by each command that reads a recipe. A name is PLUGIN/COMMAND.
    """


@hookspec
def mirctl_encoders() -> list[EncoderSpec]:
    """Encoders of raw items, asked in the order of registration: the core's, then by plugin name.

    Called whenever a run chooses an encoder; the first that accepts the model is taken.
    """


@hookspec
def mirctl_word_features() -> list[WordFeatures]:
    """Generators of measures of words, called whenever a run names one."""


@hookspec
def mirctl_datasets() -> list[Dataset]:
    """Named data sets, for `mirctl data list` and `mirctl data get`."""


@hookspec
def mirctl_artifact_kinds() -> list[ArtifactKind]:
    """Kinds of artifact that this plugin writes; called by `mirctl artifact verify`."""


@hookspec
def mirctl_recipes() -> Path:
    """The folder of this plugin's recipes: NAME.yaml becomes PLUGIN/NAME.

    Called where a recipe is named that is no file, and by `mirctl recipe list`.
    """


@hookspec
def mirctl_track(folder: Path) -> None:
    """This plugin is asked to track a run into `folder` (absolute, perhaps not there yet): raise a
    MirctlError where it cannot, for want of a package, say.

    Called before a run and for --dry-run, only where MIRCTL_TRACK names the plugin; writes nothing.
    """


@hookspec
def mirctl_run_started(run: Run) -> None:
    """A run has its folder, seed, device and inputs; nothing is computed yet.

    A resumed run is one whose `run.checkpoint` is a file. `run.track` tells where the user wants
    it tracked. Not called for --dry-run. Of several processes that train one model, the first
    alone calls this hook and the next two.
    """


@hookspec
def mirctl_step(run: Run, step: int, metrics: dict[str, float]) -> None:
    """An epoch of `mirctl.training.fit` has ended, and its checkpoint is not written yet.

    `step` counts optimizer steps from the first of the run, also after --resume. `metrics` has
    `epoch` (from 1), `loss` (mean over the steps of the epoch) and what the task validates by, each
    in its own unit.
    """


@hookspec
def mirctl_run_finished(run: Run, artifact: Path | None) -> None:
    """The run's result is in place; None where it is a table. Not called where the run failed."""
