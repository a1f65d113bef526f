"""The training task of a recipe: which loss, and how fast what is inside an encoder learns."""

from mirctl.encode import tuning
from mirctl.encode.towers import CatalogueInputs
from mirctl.sequences.config import WHOLE_CATALOGUE
from mirctl.sequences.histories import Split, Windows
from mirctl.sequences.training import NextItemTask
from mirctl.sequences.users import Recommender
from mirctl_adapt.config import AdaptConfig


def whole_catalogue(config: AdaptConfig, n_items: int) -> bool:
    """Is the softmax over every item? SASRec's is by definition; a small catalogue allows it."""
    if config.train.loss == "auto":
        small = n_items <= WHOLE_CATALOGUE and not config.model.tuned
        return config.model.method == "id" or small
    return config.train.loss == "catalogue"


def windows_of(config: AdaptConfig, split: Split) -> Windows:
    """What the training part is cut into."""
    return Windows(split.train, config.model.history, config.train.batch_size, config.seed)


def task_of(
    config: AdaptConfig, model: Recommender, inputs: CatalogueInputs, split: Split
) -> NextItemTask:
    """What the training loop is given."""
    rate = config.train.encoder_lr or tuning.RATES.get(config.model.method, 0.0)
    return NextItemTask(
        model,
        inputs,
        split,
        windows_of(config, split),
        whole=whole_catalogue(config, split.n_items),
        repeats=config.evaluation.repeats,
        modality_dropout=config.model.modality_dropout,
        rates=tuning.rates(model, rate),
    )
