"""Artifacts: folders that say what they are, where they came from, and whether they are whole."""

from mirctl.artifact.card import Words
from mirctl.artifact.diff import diff, inspect
from mirctl.artifact.draft import Draft, create
from mirctl.artifact.manifest import Manifest
from mirctl.artifact.store import Artifact, open_artifact, verify
from mirctl.artifact.tensors import Tensors, check_tensors, open_tensors, write_tensors

__all__ = [
    "Artifact",
    "Draft",
    "Manifest",
    "Tensors",
    "Words",
    "check_tensors",
    "create",
    "diff",
    "inspect",
    "open_artifact",
    "open_tensors",
    "verify",
    "write_tensors",
]
