"""Embedded example of translation: dates, times and amounts in four languages → one standard form."""

import random
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

SEED = 20240229
SIZES = {"train": 16_000, "val": 1_000, "test": 1_000}
LANGUAGES = ("en", "de", "fr", "es")

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
HOURS = {
    "en": "one two three four five six seven eight nine ten eleven twelve",
    "de": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "fr": "une deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "una dos tres cuatro cinco seis siete ocho nueve diez once doce",
}
#: by language, what is said of the hours before noon and after it
HALVES = {
    "en": ("in the morning", "in the evening"),
    "de": ("morgens", "abends"),
    "fr": ("du matin", "du soir"),
    "es": ("de la mañana", "de la tarde"),
}
CURRENCIES = {
    "en": {"USD": "dollars", "EUR": "euros", "GBP": "pounds", "JPY": "yen"},
    "de": {"USD": "Dollar", "EUR": "Euro", "GBP": "Pfund", "JPY": "Yen"},
    "fr": {"USD": "dollars", "EUR": "euros", "GBP": "livres", "JPY": "yens"},
    "es": {"USD": "dólares", "EUR": "euros", "GBP": "libras", "JPY": "yenes"},
}
#: by language, the signs between thousands and before decimals
SIGNS = {"en": (",", "."), "de": (".", ","), "fr": (" ", ","), "es": (".", ",")}


class PhrasePair(NamedTuple):
    """A phrase, its standard form, and the part that it belongs to."""

    source: str
    target: str
    part: str


@cache
def phrase_pairs() -> tuple[PhrasePair, ...]:
    """Draw all pairs, the same in every process. No source occurs twice."""
    draw = random.Random(SEED)
    makers: list[Callable[[random.Random, str], tuple[str, str]]] = [date, time, amount]
    found: dict[str, str] = {}
    while len(found) < sum(SIZES.values()):
        language = LANGUAGES[len(found) % len(LANGUAGES)]
        source, target = draw.choice(makers)(draw, language)
        found.setdefault(source, target)
    parts = [part for part, size in SIZES.items() for _ in range(size)]
    pairs = list(found.items())
    draw.shuffle(pairs)
    return tuple(PhrasePair(*pair, part) for pair, part in zip(pairs, parts, strict=True))


def date(draw: random.Random, language: str) -> tuple[str, str]:
    """A date, such as ``3. März 2021`` → ``2021-03-03``."""
    year, month, day = draw.randint(1900, 2099), draw.randint(1, 12), draw.randint(1, 28)
    name = MONTHS[language].split()[month - 1]
    forms = {
        "en": [
            f"{name} {day}, {year}",
            f"the {_ordinal(day)} of {name} {year}",
            f"{day} {name} {year}",
        ],
        "de": [f"{day}. {name} {year}", f"der {day}. {name} {year}", f"am {day}. {name} {year}"],
        "fr": [f"{day} {name} {year}", f"le {day} {name} {year}"],
        "es": [f"{day} de {name} de {year}", f"el {day} de {name} de {year}"],
    }
    weekday = draw.choice(DAYS[language].split())
    prefix = draw.choice(["", "", f"{weekday}, "])
    return prefix + draw.choice(forms[language]), f"{year}-{month:02}-{day:02}"


def time(draw: random.Random, language: str) -> tuple[str, str]:
    """A time, such as ``half past seven in the evening`` → ``19:30``."""
    hour, half = draw.randint(1, 11), draw.randint(0, 1)
    minute = draw.choice([0, 15, 30, 45, *range(1, 60)])
    said = HALVES[language][half]
    names = HOURS[language].split()
    now, following = names[hour - 1], names[hour]
    standard = f"{hour + 12 * half:02}:{minute:02}"
    words = {
        "en": {0: f"{now} o'clock", 15: f"a quarter past {now}", 30: f"half past {now}",
               45: f"a quarter to {following}"},
        "de": {0: f"{'ein' if hour == 1 else now} Uhr", 15: f"viertel nach {now}",
               30: f"halb {following}", 45: f"viertel vor {following}"},
        "fr": {0: _hours(now), 15: f"{_hours(now)} et quart", 30: f"{_hours(now)} et demie",
               45: f"{_hours(following)} moins le quart"},
        "es": {0: f"{_las(hour)} {now}", 15: f"{_las(hour)} {now} y cuarto",
               30: f"{_las(hour)} {now} y media",
               45: f"{_las(hour + 1)} {following} menos cuarto"},
    }  # fmt: skip
    numbers = {
        "en": f"{hour}:{minute:02} {('am', 'pm')[half]}",
        "de": f"{hour + 12 * half}.{minute:02} Uhr",
        "fr": f"{hour + 12 * half} h {minute:02}",
        "es": f"{hour}:{minute:02} {said}",
    }
    if minute in words[language] and draw.random() < 0.8:
        lead = {"en": "at ", "de": "um ", "fr": "à ", "es": "a "}[language]
        return f"{draw.choice(['', lead])}{words[language][minute]} {said}", standard
    return numbers[language], standard


def amount(draw: random.Random, language: str) -> tuple[str, str]:
    """An amount, such as ``1.234,50 Euro`` → ``EUR 1234.50``."""
    code = draw.choice(list(CURRENCIES[language]))
    whole, cents = (
        draw.randint(1, 10 ** draw.randint(2, 6)),
        draw.choice([0, 50, draw.randint(1, 99)]),
    )
    if code == "JPY":
        cents = 0
    thousands, decimals = SIGNS[language]
    number = f"{whole:,}".replace(",", thousands)
    if cents:
        number += f"{decimals}{cents:02}"
    return f"{number} {CURRENCIES[language][code]}", f"{code} {whole}.{cents:02}"


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _hours(name: str) -> str:
    return f"{name} heure" if name == "une" else f"{name} heures"


def _las(hour: int) -> str:
    return "la" if hour == 1 else "las"
