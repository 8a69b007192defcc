"""The shipped pairs: aligned, and nothing like a held-out pair is in what is learnt from."""

from __future__ import annotations

import datetime as dt
import hashlib
import lzma
import re
import tomllib
from importlib.resources import files

import pytest

from unrolled.errors import NotFound
from unrolled.text import PAIRS, Pairs, pairs

PACKED = files("unrolled.text") / "packed"
PARTS = ("train", "validation", "test")
SURE = {"file": "fichier", "document": "document", "page": "page", "dialog": "dialogue", "column": "colonne"}
MONTHS = "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."
MONTHS_IN_FULL = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"


@pytest.fixture(scope="module")
def french() -> Pairs:
    return pairs()


def everything(given: Pairs) -> list[tuple[str, str]]:
    return [*given.train, *given.validation, *given.test]


def bare(text: str) -> str:
    """Letters and spaces only."""
    return " ".join(re.sub(r"[^a-zà-ÿœ ]", " ", text.lower()).split())


@pytest.mark.parametrize("name", PAIRS)
def test_the_list_agrees_with_the_pairs(name: str) -> None:
    given, entry = pairs(name), tomllib.loads((PACKED / "pairs.toml").read_text(encoding="utf-8"))[name]
    assert [len(given.train), len(given.validation), len(given.test)] == [entry[part] for part in PARTS]
    assert hashlib.sha256(lzma.decompress((PACKED / f"{name}.xz").read_bytes())).hexdigest() == entry["sha256"]
    assert all(a.strip() == a != "" and b.strip() == b != "" for a, b in everything(given))


def test_licence_and_domain_are_said(french) -> None:
    assert french.licence == "MPL-2.0"
    assert "Mozilla Public License" in french.notice
    assert "software help" in french.about


def test_nothing_near_a_held_out_pair_is_learnt_from(french) -> None:
    for side in (0, 1):
        parts = [{bare(pair[side]) for pair in part} for part in (french.train, french.validation, french.test)]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


def test_a_near_duplicate_would_be_noticed(french) -> None:
    english = french.test[0][0]
    assert bare(english.upper() + " 7!") == bare(english)


def test_english_sides_are_there_once(french) -> None:
    english = [pair[0] for pair in everything(french)]
    assert len(set(english)) == len(english) > 15_000
    assert all(2 <= len(re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", each)) <= 20 for each in english)


def agreement(given: list[tuple[str, str]]) -> float:
    """Of all sure words on the English side, how many have their translation opposite."""
    found = [
        word in french.lower()
        for english, french in given
        for sure, word in SURE.items()
        if sure in english.lower().split()
    ]
    return sum(found) / len(found)


def test_sides_belong_together(french) -> None:
    given = everything(french)
    assert agreement(given) > 0.85
    shifted = [(a, d) for (a, _), (_, d) in zip(given, given[50:], strict=False)]
    assert agreement(shifted) < 0.4


def test_the_same_numbers_stand_on_both_sides(french) -> None:
    assert all(sorted(re.findall(r"\d+", a)) == sorted(re.findall(r"\d+", b)) for a, b in everything(french))


def test_sentences_are_words_and_not_markup(french) -> None:
    assert not [pair for pair in everything(french) if re.search(r"[<>{}=\\]|&\w+;|\ufffd|Ã", " ".join(pair))]


def test_dates_are_the_days_they_say() -> None:
    given = pairs("dates")
    for written, iso in everything(given):
        assert any(written == form for form in forms(dt.date.fromisoformat(iso))), (written, iso)
    days = [{iso for _, iso in part} for part in (given.train, given.validation, given.test)]
    assert sum(map(len, days)) == len(set.union(*days)) == 18_000


def forms(day: dt.date) -> list[str]:
    """How English and French write a day, worked out without Unicode's tables."""
    months, short = MONTHS_IN_FULL.split(), MONTHS.split()
    week = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
    first = "1er" if day.day == 1 else str(day.day)
    american = [
        f"{day:%B} {day.day}, {day:%Y}",
        f"{day:%A}, {day:%B} {day.day}, {day:%Y}",
        f"{day:%b} {day.day}, {day:%Y}",
    ]
    british = [
        f"{day.day} {day:%B} {day:%Y}",
        f"{day:%A} {day.day} {day:%B} {day:%Y}",
        f"{day:%A}, {day.day} {day:%B} {day:%Y}",
    ]
    british += [f"{day.day} {'Sept' if day.month == 9 else format(day, '%b')} {day:%Y}"]
    french = [
        f"{n} {month} {day.year}" for n in (first, day.day) for month in (months[day.month - 1], short[day.month - 1])
    ]
    return american + british + french + [f"{week[day.weekday()]} {each}" for each in french]


def test_an_unknown_name_is_told_what_there_is() -> None:
    with pytest.raises(NotFound, match=r"no pairs “en-de”\. There are: en-fr, dates\."):
        pairs("en-de")
