"""Files of trackers and corpora, as the tables of this plugin."""

from mirctl_gaze.importing.folder import Imported, import_files
from mirctl_gaze.importing.layouts import LAYOUTS

__all__ = ["LAYOUTS", "Imported", "import_files"]
