"""Weights of a .pth, read without its code."""

import pickle
from pathlib import Path

import torch
from torch import nn

from mirctl.encode.protocol import quoted
from mirctl.errors import MissingError
from mirctl.hub import Model


def load(network: nn.Module, model: Model, path: Path) -> None:
    """Give a network of our own its published weights, by name; others in the file are left."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        wanted = network.state_dict()
        network.load_state_dict({name: weights[name] for name in wanted})
    except pickle.UnpicklingError as error:  # its message advises to load it all the same
        refused = "bad weights: the file holds more than tensors, or is damaged"
        raise MissingError(quoted(model, refused), where=str(path)) from error
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise MissingError(quoted(model, f"bad weights: {error}"), where=str(path)) from error
