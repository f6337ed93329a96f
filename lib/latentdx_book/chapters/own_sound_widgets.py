"""Jupyter widgets of the chapter "Program your own sound"; `own_sound` makes everything that they show.

They are not made while the site is built, because widgets in a page would load scripts from another host.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Any

import ipywidgets as widgets

from latentdx.applications.interpolate import METHODS
from latentdx.applications.match import BUDGET, Match
from latentdx.applications.programmer import Programmer
from latentdx.dataset.target_sounds import TargetSound
from latentdx.display.match_report import MatchedSound
from latentdx.errors import LatentDXError
from latentdx.presets.bank import Preset, PresetBank
from latentdx.retrieval.known_presets import KnownPresets
from latentdx_book.chapters import own_sound
from latentdx_book.chapters.own_sound_controls import (
    LAYOUT,
    WIDE,
    Shelf,
    dropdown,
    note_choice,
    note_names,
    velocity_slider,
)
from latentdx_book.chapters.widget_panels import Live, Panel, sentence

WAYS = ("latent", "naive", "matched")
"""Those of `METHODS` that are fast enough for a slider."""

LEAST_RENDERS, MOST_RENDERS = 16, 20_000
"""Bounds of a match's budget."""

MOST_HOLD = 8.0
"""Largest time in seconds for which a key is held."""

NO_PRESET = "none"
"""Entry of a list of presets that stands for none."""

OWN = "a file of your own"
"""Entry of the list of sounds that stands for an uploaded file."""

_SOUNDS = ".wav,.flac,.mp3,.ogg,.oga,.opus,.aif,.aiff,.m4a,audio/*"
_OFTEN = 0.1  # least time between two reports to the browser, in seconds


class MatchPanel(Panel):
    """Panel that matches a sound file. It works in a thread of its own, so that "Stop" takes effect.

    Attributes:
        sound, upload, note, velocity, budget, start, stop: Controls.
        hold, locked, refined: Controls that are folded up: the time for which the key was held (0 to find
            it), locked parameters, and a preset to refine.
        bar, told, found: Progress bar, status message and result.
        match: Last match; `None` before the first.
    """

    def __init__(
        self,
        model: Programmer,
        shelf: Shelf,
        examples: Sequence[TargetSound],
        known: Sequence[KnownPresets] = (),
    ) -> None:
        self.model, self.shelf, self.known = model, shelf, known
        self.match: Match | None = None
        self._matches = 0
        self._halt = Event()
        self._work: Thread | None = None
        self.sound = dropdown("Sound", [(OWN, None), *((t.name, t) for t in examples)])
        self.upload = widgets.FileUpload(accept=_SOUNDS, description="Choose a file", layout=LAYOUT)
        self.note = dropdown("Note", [("find it", None), *note_names()])
        self.velocity = velocity_slider()
        self.budget = widgets.BoundedIntText(
            BUDGET, LEAST_RENDERS, MOST_RENDERS, description="Renders", style=WIDE, layout=LAYOUT
        )
        self.hold = widgets.BoundedFloatText(
            0, min=0, max=MOST_HOLD, step=0.1, description="Held, s", style=WIDE, layout=LAYOUT
        )
        self.locked = widgets.Text(
            placeholder="ALGORITHM=5, OP1 F COARSE=1", description="Lock", style=WIDE, layout=LAYOUT
        )
        self.refined = shelf.choice("Refine", none=NO_PRESET)
        folded = widgets.VBox([self.hold, self.locked, self.refined])
        more = widgets.Accordion([folded], titles=["Hold, lock, refine"], layout=LAYOUT)
        self.start = widgets.Button(description="Match", button_style="primary")
        self.stop = widgets.Button(description="Stop", disabled=True, tooltip="Keep the best found so far")
        self.bar = widgets.IntProgress(0, 0, BUDGET, layout=LAYOUT)
        self.told = widgets.HTML()
        self.found = Live()
        self.start.on_click(self._begin)
        self.stop.on_click(self._end)
        self.upload.observe(self._arrived, "value")
        self.sound.observe(self._own_or_not, "value")
        pressed = widgets.HBox([self.start, self.stop])
        controls = [self.sound, self.upload, self.note, self.velocity, self.budget, more, pressed]
        super().__init__(controls, [self.bar, self.told, self.found])
        self.add_class("ldx-first")

    def wait(self) -> None:
        """Wait until the running match, if any, is done."""
        if self._work is not None:
            self._work.join()

    def _arrived(self, change: Mapping[str, Any]) -> None:
        for file in change["new"]:
            self.told.value = sentence(f"Received {file['name']}, {len(file['content']):,} bytes.")

    def _end(self, _: object) -> None:
        self._halt.set()
        self.stop.disabled = True
        self.told.value = sentence("Stopping; tuning and ranking the best presets so far …")

    def _own_or_not(self, change: Mapping[str, Any]) -> None:
        self.upload.layout.display = "" if change["new"] is None else "none"

    def _file(self) -> tuple[str, bytes] | None:
        """Return the name and content of the selected sound; `None` if there is none."""
        target: TargetSound | None = self.sound.value
        if target is not None:
            return target.path.name, target.path.read_bytes()
        if not self.upload.value:
            return None
        return self.upload.value[0]["name"], bytes(self.upload.value[0]["content"])

    def _begin(self, _: object) -> None:
        if self._work is not None and self._work.is_alive():
            return
        file = self._file()
        if file is None:
            self.told.value = sentence("Choose a sound file first.", wrong=True)
            return
        try:
            locked = own_sound.parse_locks(self.locked.value)
        except LatentDXError as error:
            self.told.value = sentence(f"Lock: {error}", wrong=True)
            return
        self._halt.clear()
        self.found.value = ""
        self.bar.max, self.bar.value = self.budget.value, 0
        self.told.value = sentence(f"Listening to {file[0]} …")
        self.start.disabled, self.stop.disabled = True, False
        heard = self.note.value, self.velocity.value, self.hold.value or None
        start = self.shelf.presets.get(self.refined.value)
        settings = {"budget": self.budget.value, "start": start, "locked": locked}
        self._work = Thread(target=self._run, args=(file, heard, settings), daemon=True)
        self._work.start()

    def _run(
        self,
        file: tuple[str, bytes],
        heard: tuple[int | None, int, float | None],
        settings: dict[str, Any],
    ) -> None:
        try:
            name, content = file
            source = own_sound.take(name, content, *heard)
            self.match = own_sound.find(
                source,
                self.model,
                self.known,
                stopped=self._halt.is_set,
                progress=self._reporter(settings["budget"]),
                **settings,
            )
            self._show(self.match, source)
        except LatentDXError as error:
            self.told.value = sentence(str(error), wrong=True)
        except Exception as error:
            self.told.value = sentence(f"The match failed unexpectedly: {error!r}", wrong=True)
            raise
        finally:
            self.start.disabled, self.stop.disabled = False, True

    def _reporter(self, budget: int) -> Callable[[int, float], None]:
        last = 0.0

        def report(renders: int, distance: float) -> None:
            nonlocal last
            if self._halt.is_set() or (time.monotonic() - last < _OFTEN and renders < budget):
                return
            last = time.monotonic()
            self.bar.value = renders
            text = f"{renders:,} of {budget:,} renders, smallest distance {distance:.3f}"
            self.told.value = sentence(text)

        return report

    def _show(self, match: Match, source: MatchedSound) -> None:
        self.found.show(lambda: own_sound.found_html(match, source))
        how = "Stopped" if match.interrupted else "Done"
        self.told.value = sentence(
            f"{how}: {len(match.candidates)} presets after {match.renders:,} renders and"
            f" {match.seconds:.0f} s, the closest at distance {match.best.distance:.3f}."
        )
        self._matches += 1
        self.shelf.add({f"{c.preset.name}, match {self._matches}": c.preset for c in match.candidates})


class PlayPanel(Panel):
    """Panel that plays a preset as a musician does: held, let go, and heard until it has faded.

    Attributes:
        preset, note, velocity, hold, play: Controls.
        sound: The note that was played last.
    """

    def __init__(self, shelf: Shelf, preset: str) -> None:
        self.shelf = shelf
        self.preset = shelf.choice("Preset", preset)
        self.note, self.velocity = note_choice(), velocity_slider()
        self.hold = widgets.FloatSlider(
            2.0, min=0.1, max=MOST_HOLD, step=0.1, description="Hold, s", style=WIDE, layout=LAYOUT
        )
        self.play = widgets.Button(description="Play", button_style="primary")
        self.sound = Live()
        self.play.on_click(self._hear)
        super().__init__([self.preset, self.note, self.velocity, self.hold, self.play], [self.sound])

    def _hear(self, _: object) -> None:
        preset = self.shelf.presets[self.preset.value]
        played = self.note.value, self.velocity.value, self.hold.value
        self.sound.show(lambda: own_sound.played_html(preset, *played, autoplay=True))


class BetweenPanel(Panel):
    """Panel with a slider from one preset to another.

    Attributes:
        start, end, way, position, note, velocity, play: Controls.
        sound: Sound at the slider's position.
        path: Path of `own_sound.STEPS` presets; `None` where the method cannot connect the two presets.
    """

    def __init__(self, shelf: Shelf, start: str, end: str) -> None:
        self.shelf = shelf
        self.path: PresetBank | None = None
        self.start, self.end = shelf.choice("From", start), shelf.choice("To", end)
        self.way = dropdown("Method", [(METHODS[name].title, name) for name in WAYS])
        step = 1 / (own_sound.STEPS - 1)
        self.position = widgets.FloatSlider(
            0.5, min=0, max=1, step=step, description="Position", style=WIDE, layout=LAYOUT
        )
        self.note, self.velocity = note_choice(), velocity_slider()
        self.play = widgets.Checkbox(True, description="play at once", style=WIDE)
        self.sound = Live()
        for each in (self.start, self.end, self.way):
            each.observe(self._lead, "value")
        for each in (self.position, self.note, self.velocity):
            each.observe(self._hear, "value")
        controls = [self.start, self.end, self.way, self.position, self.note, self.velocity, self.play]
        super().__init__(controls, [self.sound])
        self._lead(None)

    def _lead(self, change: object) -> None:
        if self.shelf.filling:
            return
        self.path = None
        a, b = (self.shelf.presets[each.value] for each in (self.start, self.end))
        try:
            self.path = own_sound.journey(a, b, self.way.value)
        except LatentDXError as error:
            self.sound.value = sentence(str(error), wrong=True)
        else:
            self._hear(change)

    def _hear(self, change: object) -> None:
        if self.path is None:
            return
        preset = self.path[round(self.position.value * (own_sound.STEPS - 1))]
        title = f"{self.position.value:.2f}: {preset.name}"
        autoplay = self.play.value and change is not None  # not before a control has been changed
        self.sound.show(
            lambda: own_sound.heard_html(
                preset, self.note.value, self.velocity.value, title, autoplay=autoplay
            )
        )


class EditPanel(Panel):
    """Panel with sliders for the most audible parameters of a preset.

    Attributes:
        preset, note, velocity, play, again, reset: Controls.
        sliders: Name of a parameter -> its slider.
        sound: Sound of the edited preset.
        edited: Edited preset.
    """

    def __init__(self, shelf: Shelf, preset: str) -> None:
        self.shelf = shelf
        self.sliders: dict[str, widgets.SelectionSlider] = {}
        self.preset = shelf.choice("Preset", preset)
        self.note, self.velocity = note_choice(), velocity_slider()
        self.play = widgets.Checkbox(True, description="play at once", style=WIDE)
        self.again = widgets.Button(
            description="Most audible now", tooltip="Find the most audible parameters of the edited preset"
        )
        self.reset = widgets.Button(description="Start again", tooltip="Restore all values of the preset")
        self.knobs, self.sound = widgets.VBox(), Live()
        self.preset.observe(self._start, "value")
        self.reset.on_click(self._start)
        self.again.on_click(self._measure)
        for each in (self.note, self.velocity):
            each.observe(self._hear, "value")
        pressed = widgets.HBox([self.again, self.reset])
        controls = [self.preset, self.note, self.velocity, self.play, pressed, self.knobs]
        super().__init__(controls, [self.sound])
        self._start(None)

    def _start(self, change: object) -> None:
        if self.shelf.filling:
            return
        self.edited: Preset = self.shelf.presets[self.preset.value]
        self._measure(change)
        self._hear(change)

    def _measure(self, _: object) -> None:
        try:
            found = own_sound.audible(self.edited, self.note.value, self.velocity.value)
        except LatentDXError as error:
            self.sliders, self.knobs.children = {}, (widgets.HTML(sentence(str(error), wrong=True)),)
            return
        self.sliders = {}
        for p in (each.parameter for each in found):
            slider = widgets.SelectionSlider(
                options=[(p.text(value), value) for value in range(p.maximum + 1)],
                value=self.edited[p.name],
                description=p.name,
                style={"description_width": "11rem"},
                layout=LAYOUT,
            )
            slider.observe(self._turn, "value")
            self.sliders[p.name] = slider
        self.knobs.children = tuple(self.sliders.values())

    def _turn(self, change: object) -> None:
        self.edited = self.edited.with_values(**{name: s.value for name, s in self.sliders.items()})
        self._hear(change)

    def _hear(self, change: object) -> None:
        autoplay = self.play.value and change is not None
        self.sound.show(
            lambda: own_sound.heard_html(self.edited, self.note.value, self.velocity.value, autoplay=autoplay)
        )


class Panels:
    """All four panels, with a common shelf of presets.

    Attributes:
        match, play, between, edit: The panels.
        shelf: Presets to choose from.

    Args:
        model: Model that proposes presets.
        bank: Presets to start with.
        examples: Sounds to match, in addition to an uploaded file.
        known: Presets that may start a search too.
        start: Label of the preset where the slider starts, and which is played and edited at first.
        end: Label of the preset where the slider ends.
    """

    def __init__(
        self,
        model: Programmer,
        bank: PresetBank,
        examples: Sequence[TargetSound],
        known: Sequence[KnownPresets] = (),
        *,
        start: str,
        end: str,
    ) -> None:
        self.shelf = Shelf(bank)
        self.match = MatchPanel(model, self.shelf, examples, known)
        self.play = PlayPanel(self.shelf, start)
        self.between = BetweenPanel(self.shelf, start, end)
        self.edit = EditPanel(self.shelf, start)
