"""Nine small tasks whose answers are known: what an example, a question and a whole sentence of each look like.

Few-shot prompts in the plain form of Brown et al. 2020, §3: what to do, then examples, one a line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Item = tuple[str, str]
"""What is asked about, and the answer."""

_PAIRS = {
    "antonym": "hot cold, big small, fast slow, up down, old young, rich poor, happy sad, light dark, wet dry, "
    "hard soft, early late, open closed, full empty, strong weak, high low, good bad, long short, black "
    "white, left right, day night, love hate, win lose, buy sell, push pull, in out, above below, true "
    "false, clean dirty, near far, thick thin, loud quiet, first last, begin end, inside outside, sweet "
    "bitter, brave afraid, front back, north south, east west, more less, wide narrow",
    "capital": "France Paris, Germany Berlin, Italy Rome, Spain Madrid, Japan Tokyo, China Beijing, Russia Moscow, "
    "Egypt Cairo, Greece Athens, Austria Vienna, Portugal Lisbon, Ireland Dublin, Norway Oslo, Sweden "
    "Stockholm, Finland Helsinki, Denmark Copenhagen, Poland Warsaw, Hungary Budapest, Turkey Ankara, "
    "Canada Ottawa, Cuba Havana, Peru Lima, Chile Santiago, Iran Tehran, Iraq Baghdad, Thailand "
    "Bangkok, Kenya Nairobi, Belgium Brussels, Netherlands Amsterdam, Switzerland Bern, Australia "
    "Canberra, Vietnam Hanoi, Indonesia Jakarta, Nepal Kathmandu, Lebanon Beirut, Syria Damascus, "
    "Ukraine Kyiv, Romania Bucharest, Bulgaria Sofia, Serbia Belgrade",
    "plural": "cat cats, dog dogs, house houses, box boxes, bus buses, city cities, baby babies, child children, "
    "man men, woman women, foot feet, tooth teeth, mouse mice, leaf leaves, knife knives, wolf wolves, "
    "tomato tomatoes, potato potatoes, church churches, dish dishes, story stories, country countries, "
    "book books, tree trees, car cars, glass glasses, watch watches, fox foxes, lady ladies, party "
    "parties, wife wives, life lives, goose geese, apple apples, key keys, boy boys, day days, shelf "
    "shelves, thief thieves, bird birds",
    "past tense": "walk walked, play played, go went, eat ate, see saw, run ran, take took, give gave, write wrote, "
    "drink drank, sing sang, swim swam, buy bought, think thought, bring brought, teach taught, catch "
    "caught, find found, make made, say said, tell told, come came, know knew, grow grew, fly flew, "
    "drive drove, break broke, speak spoke, choose chose, forget forgot, sleep slept, keep kept, leave "
    "left, feel felt, meet met, send sent, build built, lose lost, sit sat, stand stood",
}
KINDS = {
    "animal": "dog cat horse lion tiger rabbit sheep monkey wolf eagle",
    "fruit": "apple banana orange grape peach cherry lemon mango pear plum",
    "color": "red blue green yellow purple black white brown pink gray",
    "tool": "hammer saw drill wrench screwdriver axe shovel rake chisel pliers",
}
"""Answers of the task `kind`, and what each holds."""


def _listed(name: str) -> list[Item]:
    return [(left, right) for left, right in (pair.split() for pair in _PAIRS[name].split(", "))]


def _kinds(drawn: np.random.Generator) -> list[Item]:
    return [(word, kind) for kind, words in KINDS.items() for word in words.split()]


def _words(answer: Callable[[str], str]) -> Callable[[np.random.Generator], list[Item]]:
    words = sorted({word for name in ("antonym", "plural", "past tense") for word, _ in _listed(name) if len(word) > 2})
    return lambda drawn: [(word, answer(word)) for word in words]


def _sums(low: int, high: int) -> Callable[[np.random.Generator], list[Item]]:
    def draw(drawn: np.random.Generator) -> list[Item]:
        pairs = dict.fromkeys((int(a), int(b)) for a, b in drawn.integers(low, high, (60, 2)))
        return [(f"{a} + {b}", str(a + b)) for a, b in pairs]

    return draw


@dataclass(frozen=True, kw_only=True)
class WordTask:
    """One task."""

    name: str
    told: str
    """The line above the examples."""
    question: str
    """All in words, for a chat; {} is what is asked about."""
    sentence: str
    """How a whole answer begins."""
    items: Callable[[np.random.Generator], list[Item]]

    def drawn(self, seed: int) -> list[Item]:
        """All items in an order of the seed's."""
        drawn = np.random.default_rng([seed, 1])
        items = self.items(drawn)
        return [items[i] for i in drawn.permutation(len(items))]

    def prompt(self, examples: Sequence[Item], asked: str) -> str:
        """The task in a line, a line for each example, and the question's line up to its answer."""
        lines = [f"{left} -> {right}" for left, right in examples]
        return "\n".join([self.told, *lines, f"{asked} ->"])


def _task(name: str, told: str, question: str, sentence: str, items: Callable[..., list[Item]]) -> WordTask:
    return WordTask(name=name, told=told, question=question, sentence=sentence, items=items)


TASKS = {
    each.name: each
    for each in (
        _task(
            "antonym",
            "Give the opposite of each word.",
            "What is the opposite of the word {}?",
            "The opposite of {} is",
            lambda drawn: _listed("antonym"),
        ),
        _task(
            "capital",
            "Give the capital of each country.",
            "What is the capital of {}?",
            "The capital of {} is",
            lambda drawn: _listed("capital"),
        ),
        _task(
            "plural",
            "Give the plural of each word.",
            "What is the plural of the word {}?",
            "The plural of {} is",
            lambda drawn: _listed("plural"),
        ),
        _task(
            "past tense",
            "Give the past tense of each verb.",
            "What is the past tense of the verb {}?",
            "The past tense of {} is",
            lambda drawn: _listed("past tense"),
        ),
        _task(
            "kind",
            "Say of each word whether it is an animal, fruit, color or tool.",
            "Is the word {} an animal, a fruit, a color or a tool? Answer with one word.",
            "The word {} is of the kind:",
            _kinds,
        ),
        _task("sums of digits", "Add the two numbers.", "What is {}?", "{} =", _sums(1, 10)),
        _task("sums of two digits", "Add the two numbers.", "What is {}?", "{} =", _sums(10, 50)),
        _task(
            "capital letters",
            "Write each word in capital letters.",
            "Write the word {} in capital letters.",
            "In capital letters, {} is",
            _words(str.upper),
        ),
        _task(
            "last letter",
            "Give the last letter of each word.",
            "What is the last letter of the word {}?",
            "The last letter of {} is",
            _words(lambda word: word[-1]),
        ),
    )
}
