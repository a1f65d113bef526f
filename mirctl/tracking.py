"""Which trackers watch a run, and where they write: `MIRCTL_TRACK=tensorboard=runs`.

Where a run is watched changes nothing in it, so this is no key of a recipe.
"""

import os
from pathlib import Path

from mirctl import files, plugins
from mirctl.errors import UsageError, suggest

VARIABLE = "MIRCTL_TRACK"


def wanted() -> dict[str, Path]:
    """Tracker -> absolute folder; a UsageError for a plugin that is not there or tracks nothing."""
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
    return found


def trackers() -> list[str]:
    """Plugins that hear of a run's steps or of its end."""
    hook = plugins.hooks().manager.hook
    calls = [*hook.mirctl_step.get_hookimpls(), *hook.mirctl_run_finished.get_hookimpls()]
    return sorted({call.plugin_name for call in calls})
