"""Made readings whose rule is known, in the files that users have."""

import numpy as np

WORDS = ["the", "of", "a", "cat", "runs", "through", "old", "gardens", "extraordinary"]
WORDS += ["houses,", "slowly.", "and", "again"]


def read(words, rng, noise=0.0):
    """TRT grows by 20 ms a letter, and by 5 ms for each letter of the word before; FFD is a third
    of it."""
    lengths = np.array([len(word) for word in words], float)
    before = np.concatenate([[0.0], lengths[:-1]])
    total = 100 + 20 * lengths + 5 * before + noise * rng.standard_normal(len(words))
    return total, total / 3


def table(texts=40, seed=0, noise=0.0, trial="trial", start=0):
    """CSV with a row a word."""
    rng = np.random.default_rng(seed)
    lines = [f"{trial},word,text,TRT,FFD"]
    for n in range(start, start + texts):
        words = rng.choice(WORDS, rng.integers(3, 12)).tolist()
        total, first = read(words, rng, noise)
        for i, word in enumerate(words):
            lines.append(f'{n},{i},"{word}",{total[i]:.3f},{first[i]:.3f}')
    return "\n".join(lines) + "\n"
