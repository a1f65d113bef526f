"""A content-addressed cache on disk, safe for several processes.

An entry is a folder `root/section/key` with an `entry.json` that lists its files. What stands
there is the entry; other files are leftovers of a process that was killed, and nobody reads them.
To add to an entry: take its lock, write new files (never over a listed one), `commit` them.
"""

from mirctl.cache.entry import NAME, Entry, FileRecord, Record, entry, root
from mirctl.cache.hashes import Hashes, remembered
from mirctl.cache.upkeep import Damage, Usage, entries, prune, remove, size, usage, verify

__all__ = [
    "NAME",
    "Damage",
    "Entry",
    "FileRecord",
    "Hashes",
    "Record",
    "Usage",
    "entries",
    "entry",
    "prune",
    "remembered",
    "remove",
    "root",
    "size",
    "usage",
    "verify",
]
