"""The tea master: a chain of words that have followed each other before.

It knows little, needs no network, and says something else each time.
"""

import random
from collections import defaultdict
from itertools import pairwise

LORE = """
Good tea begins with fresh water that has not boiled twice. Green tea likes water
that has cooled for a while. Black tea likes water that has just boiled. A kettle of
copper is quick to warm and slow to cool. A pot of stoneware keeps the warmth of the
first cup for the last one. Whoever is in a hurry should drink water. The leaves want
room to open, as people do. Three minutes are enough for the morning, five are right
for the evening. A first flush tastes of the spring in which it was picked. Milk
belongs in the cup before the tea, or after it, and nobody will ever agree. The second
infusion is the best one, my teacher said, and then he made a third. Keep the leaves in
the dark, away from coffee and from good advice. A warm pot makes better tea than a
cold one. The water should sing before it boils. Good leaves sink when they are ready.
The quiet between two cups is part of the tea. A cup that is too full teaches
patience. Rain makes every tea taste better. Sugar hides what the leaves have to say.
When the pot is empty the conversation is just right.
"""
WORDS = LORE.split()

LONGEST = 24


def learn(words: list[str]) -> dict[str, list[str]]:
    """Return for each word what has followed it."""
    chain: dict[str, list[str]] = defaultdict(list)
    for word, following in pairwise(words):
        chain[word].append(following)
    return dict(chain)


CHAIN = learn(WORDS)
BEGINNINGS = [following for word, following in pairwise(WORDS) if word.endswith(".")]


def sentence() -> list[str]:
    """Return the words of a sentence that may never have been said before."""
    words = [random.choice(BEGINNINGS)]
    while not words[-1].endswith(".") and len(words) < LONGEST:
        words.append(random.choice(CHAIN[words[-1]]))
    words[-1] = words[-1].rstrip(".,") + "."
    return words
