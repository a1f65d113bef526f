"""Prediction as a job that a recipe names."""

from mirctl.run import Result, Run
from mirctl.words import Predictor
from mirctl_gaze.reading import predicting
from mirctl_gaze.reading.config import PredictConfig


def predict(config: PredictConfig, run: Run) -> Result:
    """Predict how words are read."""
    found = predicting.predict(
        config.texts, Predictor(config.generator, run.device), run.out,
        measures=config.measures, column=config.column, prefix=config.prefix,
    )  # fmt: skip
    found.tell()
    return Result(table=run.out, metrics=found.metrics())
