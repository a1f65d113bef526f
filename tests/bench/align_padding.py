"""Rewards of texts alone and as TRL pads them, in an environment of its own. Argument: FOLDER.

Prints the largest difference, in units of the largest reward.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from trl.trainer.reward_trainer import DataCollatorForPreference

TEXTS = ["w1", "w2 w3 w4", "w5 " * 20, "w6 w7", "w8 " * 9, "w9 w1 w2", "w3 " * 33, "w4"]


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
    model.config.pad_token_id = tokenizer.pad_token_id
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    collate = DataCollatorForPreference(pad_token_id=tokenizer.pad_token_id)
    pairs = [{"chosen_ids": a, "rejected_ids": b, "chosen_input_ids": a, "rejected_input_ids": b}
             for a, b in zip(ids[::2], ids[1::2], strict=True)]  # fmt: skip
    with torch.no_grad():
        batch = collate(pairs)
        together = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]
        order = [*range(0, len(ids), 2), *range(1, len(ids), 2)]
        alone = torch.stack([model(torch.tensor([ids[n]])).logits[0, 0] for n in order])
    print(json.dumps(float((together - alone).abs().max() / alone.abs().max())))


if __name__ == "__main__":
    main()
