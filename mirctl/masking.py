"""Secrets that nothing may print or write down: the hub's token, wherever it came from."""

import os

VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
SHORTEST = 8
"""A shorter word may stand in any text by chance."""
_known: set[str] = set()


def hide(secret: str | None) -> None:
    """From now on `masked` knows it; a token that is stored in a file is known to nobody else."""
    if secret and len(secret) >= SHORTEST:
        _known.add(secret)


def masked(text: str) -> str:
    """The text with every secret in it as ***."""
    told = (os.environ.get(name, "").strip() for name in VARIABLES)
    for secret in (*(word for word in told if len(word) >= SHORTEST), *_known):
        text = text.replace(secret, "***")
    return text
