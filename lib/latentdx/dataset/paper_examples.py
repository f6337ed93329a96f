"""The fourteen example presets of the paper's companion page, and their rows in the corpus `learnfm`.

They were found by their sound: rendered by Dexed 0.9.3, they match the authors' files with correlations of
0.985 to 1.000. Exact duplicates cannot be distinguished in this way; among them the name decided.
"""

from dataclasses import dataclass
from typing import Literal

Chapter = Literal["programming", "multiple notes", "interpolation 1", "interpolation 2", "not on the page"]

CORPUS = "learnfm"


@dataclass(frozen=True)
class Example:
    """One named preset of the companion page.

    Attributes:
        uid: Number in the paper's database, six digits as in its file names.
        name: Name as written on the page.
        index: Row in `learnfm`.
        relatives: Rows that sound the same or almost the same, and are held out of training with the example;
            the curation adds those that differ in at most two values.
        chapter: Part of the page in which it is played.
        page_label: Group on the page ("harmonic", "percussive" or "sfx"), or "" if it has none.
        notes: (MIDI note, velocity) pairs that its chapter needs.
    """

    uid: str
    name: str
    index: int
    relatives: tuple[int, ...]
    chapter: Chapter
    page_label: str = ""
    notes: tuple[tuple[int, int], ...] = ((60, 85),)


EXAMPLES: tuple[Example, ...] = (
    Example("021894", "Rhodes 3", 7111, (), "programming", "harmonic"),
    Example("077603", "NeutrnPluk", 12619, (22775,), "programming", "harmonic"),
    Example("003203", "Vio Solo 1", 19914, (), "programming", "harmonic"),
    Example("080440", "Bass.Synth", 24857, (9264,), "programming", "harmonic"),
    Example("080737", "Japanany", 14706, (), "programming", "percussive"),
    Example("002094", "CongaBongo", 21553, (), "programming", "percussive"),
    Example("080614", "DigiPerc.", 6643, (6995,), "not on the page", "percussive"),
    Example("080285", "R2.D2", 22914, (24925, 27273), "programming", "sfx"),
    Example("074754", "LazerGun", 27175, (), "programming", "sfx"),
    Example(
        "074483",
        "Hollow.Str",
        31052,
        (30095,),
        "multiple notes",
        notes=((60, 85), (60, 20), (60, 64), (60, 127)),
    ),
    Example("055577", "NylonPick4", 26951, (), "interpolation 1"),
    Example("076380", "FmRhodes14", 13142, (), "interpolation 1"),
    Example("000348", "Dingle 1", 25675, (15039,), "interpolation 2"),
    Example("004018", "Get it", 11852, (11572,), "interpolation 2"),
)
"""All examples in the order of the page; of a pair to interpolate, the start comes first."""
