"""Which trackers watch a run, and where they write: `MIRCTL_TRACK=tensorboard=runs`.

Where a run is watched changes nothing in it, so this is no key of a recipe.
"""

import os
from pathlib import Path

from mirctl import files, places, plugins
from mirctl.errors import MirctlError, MissingError, UsageError, suggest

VARIABLE = "MIRCTL_TRACK"


def wanted() -> dict[str, Path]:
    """Tracker -> absolute folder; raises where a plugin is not there, tracks nothing, or cannot."""
    found: dict[str, Path] = {}
    for text in os.environ.get(VARIABLE, "").split(","):
        if not text.strip():
            continue
        name, equals, folder = (part.strip() for part in text.partition("="))
        if not equals or not folder:
            raise UsageError(
                f"{text!r}: write TRACKER=FOLDER, as in tensorboard=runs", where=VARIABLE
            )
        if name not in (known := trackers()):
            hint = suggest(name, known, f"known: {', '.join(known) or 'none'}")
            raise UsageError(f"no plugin {name!r} tracks runs{hint}", where=VARIABLE)
        if name in found:
            raise UsageError(f"{name!r} has two folders: give it one", where=VARIABLE)
        found[name] = Path(os.path.abspath(files.expanded(folder)))
    for name, place in found.items():
        _refuse(name, place)
    return found


def _refuse(name: str, folder: Path) -> None:
    """Raise what would keep a tracker from its work: once a run goes on, none can stop it."""
    where = f"{VARIABLE}={name}={folder}"
    with files.refusals_are_errors(folder):
        above = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if not above.is_dir():
            raise UsageError(f"nothing can be tracked there: {above} is no folder", where=where)
    if not places.may_write(above):
        raise UsageError(f"nothing can be tracked there: {above} lets nobody write", where=where)
    for implementation in plugins.hooks().manager.hook.mirctl_track.get_hookimpls():
        if implementation.plugin_name != name:
            continue
        try:
            implementation.function(**dict.fromkeys(implementation.argnames, folder))
        except MirctlError:
            raise
        except (Exception, SystemExit) as error:
            told = f"plugin {name!r} cannot track: {type(error).__name__}: {error}"
            raise MissingError(told, where=VARIABLE) from error


def trackers() -> list[str]:
    """Plugins that hear of a run's steps or of its end."""
    hook = plugins.hooks().manager.hook
    calls = [*hook.mirctl_step.get_hookimpls(), *hook.mirctl_run_finished.get_hookimpls()]
    return sorted({call.plugin_name for call in calls})
