"""The fourteen presets that the paper's companion page plays, and where they are in the corpus `learnfm`.

Found by their sound: rendered by Dexed 0.9.3 they match the authors' files at a correlation of 0.985-1.000.
Exact twins cannot be told apart that way; the name decided.
"""

from dataclasses import dataclass
from typing import Literal

Chapter = Literal["programming", "multiple notes", "interpolation 1", "interpolation 2", "not on the page"]

CORPUS = "learnfm"


@dataclass(frozen=True)
class Example:
    """One named preset of the companion page.

    Attributes:
        uid: the paper's number, six digits as in its file names.
        name: as the page writes it.
        index: its row in `learnfm`.
        relatives: rows that sound the same or nearly so, beyond those that differ in at most two values (the
            curation finds these by itself); they are held out of training with it.
        chapter: where the page plays it.
        page_label: the page's own group (harmonic, percussive, sfx), "" where it gives none.
        notes: (MIDI note, velocity) that its chapter needs.
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
"""In the order of the page; of a pair to interpolate, the start comes first."""
