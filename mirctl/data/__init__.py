"""Catalogues of items and logs of interactions: files -> arrays."""
