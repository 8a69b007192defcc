"""Dates as people write them, paired with ISO 8601: "samedi 14 mars 1987" and "1987-03-14".

Days of two centuries in the full, long and medium forms of three locales of Unicode's CLDR; the short forms (14/03/87)
leave out the century. A day is in one part only, whatever its form.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

LOCALES, FORMS = ("en_US", "en_GB", "fr"), ("full", "long", "medium")
FIRST, LAST = dt.date(1900, 1, 1), dt.date(2099, 12, 31)
COUNTS = {"train": 16_000, "validation": 1_000, "test": 1_000}
SEED = 1


def parts() -> Mapping[str, list[tuple[str, str]]]:
    """train, validation and test, a day in no more than one of them and never twice."""
    drawn = random.Random(SEED)
    days = drawn.sample(range((LAST - FIRST).days + 1), sum(COUNTS.values()))
    split: dict[str, list[tuple[str, str]]] = {}
    for name, count in COUNTS.items():
        taken, days = days[:count], days[count:]
        split[name] = [written(FIRST + dt.timedelta(days=day), drawn) for day in taken]
    return split


def written(day: dt.date, drawn: random.Random) -> tuple[str, str]:
    """A day in a form that is drawn, and in ISO 8601."""
    from babel.dates import format_date

    form: str = format_date(day, drawn.choice(FORMS), locale=drawn.choice(LOCALES))
    return " ".join(form.split()), day.isoformat()
