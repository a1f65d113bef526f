"""A catalogue -> its histories in parts, and what is told of them."""

from mirctl import console
from mirctl.console import counted
from mirctl.data.catalogue import Catalogue
from mirctl.sequences import histories
from mirctl.sequences.histories import Split

TRAINED_ON = "training part of the histories"
"""What an artifact calls the interactions that a model may know."""


def split_of(catalogue: Catalogue, protocol: str) -> Split:
    """The catalogue's histories, cut as a protocol of `EvalConfig` says."""
    offsets, items = catalogue.interactions.sequences()
    return histories.split(offsets, items, len(catalogue.items.ids), protocol)


def tell(catalogue: Catalogue, split: Split) -> None:
    """Say what was read, so that nothing is dropped in silence."""
    users, used = len(catalogue.interactions.users), len(split.whole)
    few, out = used - len(split.evaluated), users - used
    single = int((split.whole.lengths == 1).sum())
    console.say(
        f"{counted(len(catalogue.interactions.item), 'interaction')} of {counted(users, 'user')} "
        f"with {counted(split.n_items, 'item')}; evaluated: {counted(len(split.evaluated), 'user')}"
        + (f", {few} have too few interactions and only train" if few else "")
        + (f" ({single} with a single one, which teaches nothing)" if few and single else "")
        + (f", {out} have too few interactions for the protocol and are left out" if out else "")
    )
