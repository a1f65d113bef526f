"""Runs of `fuse train`."""

import json


def trained(mirctl, recipe, out, *changes):
    """What a run says."""
    ran = mirctl("fuse", "train", recipe, *changes, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)
