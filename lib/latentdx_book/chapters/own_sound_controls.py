"""Controls that the panels of the chapter "Program your own sound" share, and the presets to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from traitlets import Dict, HasTraits

from latentdx.applications.target import VELOCITY
from latentdx.audio.notes import note_name
from latentdx.presets.bank import Preset, PresetBank

NOTE = 60
"""MIDI note that is played at first."""

WIDE = {"description_width": "9rem"}
"""Style of controls whose descriptions line up."""

LAYOUT = widgets.Layout(width="34rem", max_width="100%")
"""Size of controls."""


def note_choice() -> widgets.Dropdown:
    """Make a list of all notes."""
    return widgets.Dropdown(options=note_names(), value=NOTE, description="Note", style=WIDE, layout=LAYOUT)


def note_names() -> list[tuple[str, int]]:
    """Return the label and the number of each MIDI note."""
    return [(f"{note_name(n)} ({n})", n) for n in range(128)]


def velocity_slider() -> widgets.IntSlider:
    """Make a slider for a velocity."""
    return widgets.IntSlider(VELOCITY, 1, 127, description="Velocity", style=WIDE, layout=LAYOUT)


def dropdown(description: str, options: Sequence[Any]) -> widgets.Dropdown:
    """Make a list of options."""
    return widgets.Dropdown(options=options, description=description, style=WIDE, layout=LAYOUT)


class Shelf(HasTraits):
    """Presets to choose from: those that matches have found, then those of a bank.

    Attributes:
        presets: Label -> preset.
        filling: True while lists are being refilled and their values are meaningless.
    """

    presets = Dict()
    filling = False

    def __init__(self, bank: PresetBank) -> None:
        super().__init__(presets={preset.name: preset for preset in bank})

    def add(self, presets: Mapping[str, Preset]) -> None:
        """Put presets, by their labels, at the beginning of all lists."""
        self.presets = {**presets, **{k: v for k, v in self.presets.items() if k not in presets}}

    def choice(self, description: str, label: str = "", none: str = "") -> widgets.Dropdown:
        """Make a list of all labels that follows the shelf and keeps its selection, at first `label`.

        Args:
            description: Label of the list.
            label: Entry that is selected at first; the first one if omitted.
            none: First entry, which stands for no preset; there is no such entry if omitted.
        """
        before = [none] if none else []
        chosen = dropdown(description, [*before, *self.presets])
        if label:
            chosen.value = label

        def follow(_: object) -> None:
            value, self.filling = chosen.value, True
            chosen.options = [*before, *self.presets]  # this selects the first entry
            chosen.value, self.filling = value, False

        self.observe(follow, "presets")
        return chosen
