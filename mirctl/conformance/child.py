"""The process in which a plugin is checked: it may hang or die, and another one goes on."""

import json
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from mirctl.conformance import look, telling
from mirctl.conformance.plugin import find


def main(handle: int, name: str, recipe: str | None, checks: list[str], place: Path) -> None:
    """Do the checks in turn, in folders below `place`, and tell what they find."""
    os.set_inheritable(handle, False)  # what a plugin starts does not keep the pipe open
    telling.tell_to(Connection(handle, readable=False))
    plugin = find(name, recipe)
    for check in checks:
        telling.begin(check)
        for problem in look(plugin, check, place):
            telling.problem(problem)
        telling.done()


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    main(told["handle"], told["name"], told["recipe"], told["checks"], Path(told["place"]))
