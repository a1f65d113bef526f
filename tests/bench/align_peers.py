"""Trains a reward model with TRL, in an environment of its own.

Arguments: FOLDER PAIRS.jsonl TEST.jsonl EPOCHS RATE.

Prints one JSON document: steps, wall and CPU seconds of training, accuracy on the test pairs.
"""

import json
import sys
import time

import torch
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
from trl import RewardConfig, RewardTrainer


class Clock(TrainerCallback):
    """Wall and CPU seconds between the first step's end and the last one's."""

    def on_step_end(self, args, state, control, **_):
        if state.global_step == 1:
            self.start = (time.monotonic(), time.process_time())
        self.end, self.steps = (time.monotonic(), time.process_time()), state.global_step


def main() -> None:
    folder, pairs, test, epochs, rate = sys.argv[1:6]
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    model.config.pad_token_id = tokenizer.pad_token_id
    data = load_dataset("json", data_files={"train": pairs, "test": test})
    settings = RewardConfig(
        output_dir="trl-out", per_device_train_batch_size=8, num_train_epochs=float(epochs),
        learning_rate=float(rate), lr_scheduler_type="cosine", warmup_steps=0.1,
        gradient_checkpointing=False, bf16=False, report_to=[], save_strategy="no",
        logging_strategy="no", disable_tqdm=True, use_cpu=True, max_length=512,
        per_device_eval_batch_size=8, weight_decay=0.01, max_grad_norm=1.0, seed=0,
    )  # fmt: skip
    clock = Clock()
    trainer = RewardTrainer(
        model=model, args=settings, processing_class=tokenizer, callbacks=[clock],
        train_dataset=data["train"], eval_dataset=data["test"],
    )  # fmt: skip
    trainer.train()
    found = trainer.evaluate()
    wall, cpu = (b - a for a, b in zip(clock.start, clock.end, strict=True))
    told = {"steps": clock.steps - 1, "wall": wall, "cpu": cpu, "accuracy": found["eval_accuracy"]}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
