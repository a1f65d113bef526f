"""The job: data -> cached hidden states -> train -> full-ranking evaluation -> artifact."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mirctl import console, hub, training
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.encode import tuning
from mirctl.encode.catalogue import input_name, refuse_empty
from mirctl.encode.towers import CatalogueInputs
from mirctl.run import Result, Run
from mirctl.sequences import evaluation
from mirctl.sequences.config import WHOLE_CATALOGUE
from mirctl.sequences.histories import Split, Windows
from mirctl.sequences.loading import TRAINED_ON, split_of, tell
from mirctl.sequences.scorer import NeuralScorer
from mirctl.sequences.users import Recommender
from mirctl_fuse import experts, inputs, network, saving
from mirctl_fuse.config import FuseConfig
from mirctl_fuse.inputs import Raw
from mirctl_fuse.task import FuseTask


@dataclass(frozen=True)
class Trained:
    """What training leaves."""

    model: Recommender
    inputs: CatalogueInputs
    scorer: NeuralScorer
    weights: Tensor | None
    """(items, experts or modalities), where the fusion weighs."""
    history: tuple[dict[str, float], ...]


def run(config: FuseConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: fuse/train`."""
    with run.meter.phase("read data"):
        catalogue = load_catalogue(config.data, seed=config.seed)
        split = split_of(catalogue, config.evaluation.protocol)
    tell(catalogue, split)
    run.note_input(TRAINED_ON, split.digest(catalogue.items.ids))
    trained = train(config, catalogue, split, run)
    with run.meter.phase("evaluate") as phase:
        phase.items = len(split.evaluated)
        tested = evaluation.evaluate(trained.scorer, split, config.evaluation, config.seed)
    saving.save(config, run, catalogue, split, trained, tested)
    report = evaluation.report(tested.metrics, config.evaluation)
    if trained.weights is not None:
        names = experts.names(config.model, config.model.modalities)
        report += "\n\n" + experts.summary(names, trained.weights)
    return Result(run.out, metrics=tested.metrics, report=report)


def check(config: FuseConfig) -> None:
    """Read the data as a run would, and look for the models; raise what would stop it."""
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config.evaluation.protocol)
    tell(catalogue, split)
    _windows(config, split)
    Raw.of(config, catalogue.items)
    for own in config.model.encoders.values():
        if own.encoder is None:
            hub.look_for(own.model)


def _windows(config: FuseConfig, split: Split) -> Windows:
    return Windows(split.train, config.model.history, config.train.batch_size, config.seed)


def train(config: FuseConfig, catalogue: Catalogue, split: Split, run: Run) -> Trained:
    """Fit the recipe's network on the training part."""
    raw = Raw.of(config, catalogue.items)
    read = inputs.inputs_for(config, raw, run.device, run.dtype, run.meter)
    refuse_empty(read, config.key)
    for name, tower in read.towers.items():
        run.note_input(input_name(name), tower.content)
        run.note_input(f"{name} model", tower.weights)
    torch.manual_seed(config.seed)
    model = network.build(config.model, read.tower_inputs(normalize=True)).to(run.device)
    task = task_of(config, model, read, split)
    _tell_model(config, task, run)
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    embeddings, weights = experts.embed(model.items, read)
    return Trained(model, read, NeuralScorer(model.users, embeddings), weights, tuple(history))


def _tell_model(config: FuseConfig, task: FuseTask, run: Run) -> None:
    count = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
    run.meter.record(trainable_parameters=count)
    every = f"all {task.split.n_items:,} items"
    candidates = every if task.whole else "the items of a batch, minus log popularity"
    console.say(f"{count:,} trainable parameters; softmax over {candidates}")
    tuned = config.model.tuned
    if frozen := [name for name in config.model.modalities if tuned and name not in tuned]:
        told = f"{', '.join(frozen)}: read as they are"
        console.say(f"{told}, since {config.model.method} tunes encoders of text alone")


def task_of(
    config: FuseConfig, model: Recommender, read: CatalogueInputs, split: Split
) -> FuseTask:
    small = split.n_items <= WHOLE_CATALOGUE and not config.model.tuned
    whole = small if config.train.loss == "auto" else config.train.loss == "catalogue"
    return FuseTask(
        model, read, split, _windows(config, split), whole=whole,
        repeats=config.evaluation.repeats, modality_dropout=config.model.modality_dropout,
        rates=tuning.rates(model, tuning.RATES.get(config.model.method, 0.0)),
    )  # fmt: skip
