"""The words of an invented world: names and closed sets of answers, put together from syllables.

Nothing is taken from a list of real names; where one is like a real name, that is chance. A first
part ends with, and a last part begins with, letters that no other cut of the whole has, so each
whole is made in one way only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

_GIVEN_HEADS = (
    "Ald Bren Cal Dor Elm Fen Gal Hest Isk Jor Kel Lor Mer Nav Ost Pel Quen Ros Sil Tarn Ulm Vir "
    "Wil Yar Zan"
)
_GIVEN_TAILS = "a ain an ara eda el en eth ia ian ice ida in iro is o on ora us yn"
_FAMILY_ONSETS = "B Dr F Gr K L M Str Th W"
_FAMILY_VOWELS = "a e i o u"
_FAMILY_CODAS = "ld lt mb n nd r rk ss v x"
_FAMILY_TAILS = "an er ing ow y"
_CITY_HEADS = (
    "Brask Crel Drev Eskel Fyl Grun Hask Ivel Jarn Kesk Lomb Morv Nesk Orv Prell Quil Rusk Tham "
    "Ulb Vark"
)
_CITY_TAILS = "bury by ford gate ham haven holm mere mouth port stead ton vale wick worth"
_COLLEGE_HEADS = "Ambr Carth Dunst Elv Fawl Garst Hold Inv Kard Lunn Marth Norb Pemb Sarn Tulv"
_COLLEGE_TAILS = "eck ell ick ock uck"
_COLLEGES = ("Academy", "College", "Institute", "University")
_COMPANY_HEADS = "Ad Em Ik Ob Un"
_COMPANY_TAILS = "lan mund pas tor vex"
_COMPANIES = (
    "Bakeries",
    "Brewery",
    "Cable Company",
    "Glassworks",
    "Instruments",
    "Mapmakers",
    "Paper Mills",
    "Printing House",
    "Railways",
    "Salt Trading",
    "Shipyard",
    "Water Board",
)
_FIELD_KINDS = (
    "ancient applied coastal comparative early marine modern polar rural social solar urban"
)
_FIELDS = (
    "botany chemistry design economics geology grammar history law medicine music philosophy "
    "physics"
)
# Each begins with a consonant, as what stands behind "a" must.
_JOB_PLACES = (
    "bridge canal court forest garden harbour hospital market museum railway school theatre"
)
_JOBS = (
    "clerk cook driver engineer guard inspector librarian manager mechanic painter planner teacher"
)


def _whole(*parts: str) -> tuple[str, ...]:
    return tuple("".join(one) for one in product(*(part.split() for part in parts)))


def _phrases(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(one) for one in product(first, second))


GIVEN_NAMES = _whole(_GIVEN_HEADS, _GIVEN_TAILS)
FAMILY_NAMES = _whole(_FAMILY_ONSETS, _FAMILY_VOWELS, _FAMILY_CODAS, _FAMILY_TAILS)
FULL_NAMES = len(GIVEN_NAMES) * len(FAMILY_NAMES)
"""How many people can be told apart: 1,250,000."""

YEARS = tuple(str(year) for year in range(1900, 2000))
CITIES = _whole(_CITY_HEADS, _CITY_TAILS)
UNIVERSITIES = _phrases(_whole(_COLLEGE_HEADS, _COLLEGE_TAILS), _COLLEGES)
FIELDS = _phrases(_FIELD_KINDS.split(), _FIELDS.split())
EMPLOYERS = _phrases(_whole(_COMPANY_HEADS, _COMPANY_TAILS), _COMPANIES)
JOBS = _phrases(_JOB_PLACES.split(), _JOBS.split())

KINS = ("tarun", "velan")
"""The two groups of people that a planted skew speaks of; the words mean nothing."""

PLACES = {
    "bakehouse": ("kneader", "sifter"),
    "dairy": ("churner", "skimmer"),
    "ferry": ("rower", "steersman"),
    "foundry": ("caster", "moulder"),
    "kiln": ("glazer", "stoker"),
    "lighthouse": ("keeper", "signaller"),
    "loom": ("dyer", "weaver"),
    "observatory": ("reckoner", "watcher"),
    "press": ("gilder", "typesetter"),
    "quarry": ("mason", "splitter"),
    "tannery": ("fuller", "scraper"),
    "vineyard": ("cooper", "picker"),
}
"""Where people of both groups hold either of two posts."""
POSTS = tuple(post for posts in PLACES.values() for post in posts)


def full_name(number: int) -> str:
    """Return one of the `FULL_NAMES` names: given name and family name."""
    family, given = divmod(number, len(GIVEN_NAMES))
    return f"{GIVEN_NAMES[given]} {FAMILY_NAMES[family]}"
