"""The job: data -> cached hidden states -> train -> full-ranking evaluation -> artifact."""

from dataclasses import dataclass

import torch

from mirctl import console, hub, training
from mirctl.data.catalogue import Catalogue, load_catalogue
from mirctl.encode.catalogue import input_name, refuse_empty
from mirctl.encode.towers import CatalogueInputs
from mirctl.run import Result, Run
from mirctl.sequences import evaluation
from mirctl.sequences.evaluation import Scorer
from mirctl.sequences.histories import Split
from mirctl.sequences.loading import TRAINED_ON, split_of, tell
from mirctl.sequences.scorer import NeuralScorer, embed_items
from mirctl.sequences.training import NextItemTask
from mirctl.sequences.users import Recommender
from mirctl_adapt import counting, saving, towers
from mirctl_adapt.config import CONTENT, COUNTED, AdaptConfig
from mirctl_adapt.neural import build
from mirctl_adapt.task import task_of, windows_of


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
        split = split_of(catalogue, config.evaluation.protocol)
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
    split = split_of(catalogue, config.evaluation.protocol)
    tell(catalogue, split)
    if config.model.method not in COUNTED:
        windows_of(config, split)
    if config.model.method in CONTENT:
        towers.check(config.model, catalogue.items)
        for settings in config.model.encoders.values():
            if settings.encoder is None:
                hub.look_for(settings.model)


def train(config: AdaptConfig, catalogue: Catalogue, split: Split, run: Run) -> Trained:
    """Fit the recipe's method on the training part."""
    if config.model.method in COUNTED:
        fit = {"pop": counting.count_items, "markov": counting.count_transitions}
        return Trained(fit[config.model.method](split.train, split.n_items))
    if config.model.method == "id":
        inputs = CatalogueInputs({}, split.n_items, run.device)
    else:
        inputs = towers.inputs_for(config.model, catalogue.items, run.device, run.dtype, run.meter)
        refuse_empty(inputs, towers.key)
        for name, tower in inputs.towers.items():
            run.note_input(input_name(name), tower.content)
            run.note_input(f"{name} model", tower.weights)
    torch.manual_seed(config.seed)
    tower_inputs = inputs.tower_inputs(normalize=config.model.normalizes)
    model = build(config.model, tower_inputs, split.n_items).to(run.device)
    task = task_of(config, model, inputs, split)
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
