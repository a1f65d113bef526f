"""The job: data -> cached hidden states -> train -> full-ranking evaluation -> artifact."""

from dataclasses import dataclass

import torch

from mirctl import console, hub, training
from mirctl.console import counted
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.run import Result, Run
from mirctl_adapt import counting, data, evaluation, saving, towers
from mirctl_adapt.config import CONTENT, COUNTED, AdaptConfig
from mirctl_adapt.data import Split
from mirctl_adapt.evaluation import Scorer
from mirctl_adapt.inputs import CatalogueInputs
from mirctl_adapt.model import Recommender
from mirctl_adapt.neural import NeuralScorer, build, embed_items
from mirctl_adapt.training import NextItemTask

TRAINED_ON = "training part of the histories"
"""What an artifact calls the interactions that a model may know."""


@dataclass(frozen=True)
class Trained:
    """What training leaves: a scorer, and for neural methods the model behind it."""

    scorer: Scorer
    model: Recommender | None = None
    inputs: CatalogueInputs | None = None
    history: tuple[dict[str, float], ...] = ()
    kept_epoch: int | None = None
    """The best on validation, from 1."""


def run(config: AdaptConfig, run: Run) -> Result:
    """Do the whole job of a recipe with `uses: adapt/run`."""
    with run.meter.phase("read data"):
        catalogue = load_catalogue(config.data, seed=config.seed)
        split = split_of(catalogue, config)
    tell(catalogue, split)
    run.note_input(TRAINED_ON, split.digest(catalogue.items.ids))
    trained = train(config, catalogue, split, run)
    with run.meter.phase("evaluate") as phase:
        phase.items = len(split.evaluated)
        tested = evaluation.evaluate(trained.scorer, split, config.evaluation, config.seed)
    saving.save(config, run, catalogue, split, trained, tested)
    report = evaluation.report(tested.metrics, config.evaluation)
    return Result(run.out, metrics=tested.metrics, report=report)


def check(config: AdaptConfig) -> None:
    """Read the data as a run would, and look for the models; raise what would stop it."""
    catalogue = load_catalogue(config.data, seed=config.seed)
    split = split_of(catalogue, config)
    tell(catalogue, split)
    if config.model.method not in COUNTED:
        data.Windows(split.train, config.model.history, config.train.batch_size, config.seed)
    if config.model.method in CONTENT:
        towers.check(config.model, catalogue.items)
        for settings in config.model.encoders.values():
            if settings.encoder is None:
                hub.look_for(settings.model)


def split_of(catalogue: Catalogue, config: AdaptConfig) -> Split:
    """The catalogue's histories, cut as the recipe's protocol says."""
    offsets, items = catalogue.interactions.sequences()
    return data.split(offsets, items, len(catalogue.items.ids), config.evaluation.protocol)


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


def train(config: AdaptConfig, catalogue: Catalogue, split: Split, run: Run) -> Trained:
    """Fit the recipe's method on the training part."""
    if config.model.method in COUNTED:
        fit = {"pop": counting.count_items, "markov": counting.count_transitions}
        return Trained(fit[config.model.method](split.train, split.n_items))
    if config.model.method == "id":
        inputs = CatalogueInputs({}, split.n_items, run.device)
    else:
        inputs = towers.inputs_for(config.model, catalogue.items, run.device, run.dtype, run.meter)
        towers.refuse_empty(inputs)
        for name, tower in inputs.towers.items():
            run.note_input(towers.input_name(name), tower.content)
            run.note_input(f"{name} model", tower.weights)
    torch.manual_seed(config.seed)
    tower_inputs = inputs.tower_inputs(normalize=config.model.normalizes)
    model = build(config.model, tower_inputs, split.n_items).to(run.device)
    task = NextItemTask(model, inputs, split, config)
    _tell_model(task, run)
    with run.meter.phase("train"):
        history = training.fit(task, config.train, run)
    embeddings = embed_items(model, inputs)
    metric = config.train.metric
    best = max(history, key=lambda entry: entry[metric], default={"epoch": None})["epoch"]
    if best is not None:
        console.say(f"epoch {best} is kept: the best {metric} on validation")
    return Trained(NeuralScorer(model.users, embeddings), model, inputs, tuple(history), best)


def _tell_model(task: NextItemTask, run: Run) -> None:
    count = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
    run.meter.record(trainable_parameters=count)
    every = f"all {task.split.n_items:,} items"
    candidates = every if task.whole else "the items of a batch, minus log popularity"
    console.say(f"{count:,} trainable parameters; softmax over {candidates}")
