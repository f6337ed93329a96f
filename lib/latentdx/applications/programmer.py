"""From sounds to presets: one forward pass as in the paper, or the best of several samples by rendering."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor
from tqdm import tqdm

from latentdx.applications.target import VELOCITY, Target, TargetFile, prepare_targets
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import NOTE_SETS, SAMPLE_RATE, SINGLE_NOTE, Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.checkout import checkout
from latentdx.errors import DataMissingError, ParameterError
from latentdx.metrics.objective import fitted, score
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, N_BLOCKS
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import NEUTRAL_TRANSPOSE, column, parameter
from latentdx.presets.predictions import Predictions
from latentdx.presets.sysex import display_name
from latentdx.registry import data_path, registry
from latentdx.threads import one_thread
from latentdx.training import checkpoint
from latentdx.training.losses import TEMPERATURE
from latentdx.typing import Audio, Floats, Notes, Values

Rank = Callable[[Values], npt.NDArray[np.float64]]

N_DRAWN = 64
"""Presets that the default inference draws and renders."""

# so many are drawn as a whole; then the best get one block drawn anew, round by round: by validation presets
_FIRST, _BEST = 24, 4
_TRANSPOSE = column("TRANSPOSE")
_REACHED = SINGLE_NOTE[0][0] - NEUTRAL_TRANSPOSE, SINGLE_NOTE[0][0] + NEUTRAL_TRANSPOSE


def played_at(values: Values, note: int) -> Values:
    """Presets (..., 145) that sound as wanted at note 60, where the models learned -> the same for `note`.

    TRANSPOSE is moved by 60 - note: the engine adds it to the key before all else, scaling by key included.
    Its range of two octaves either way may allow less.
    """
    out = values.copy()
    moved = values[..., _TRANSPOSE].astype(np.int64) + SINGLE_NOTE[0][0] - note
    out[..., _TRANSPOSE] = np.clip(moved, 0, parameter("TRANSPOSE").maximum)
    return out


def nearest_c(note: int) -> int:
    """The C where a model of one note hears a sound at `note` best, 36 … 84: TRANSPOSE reaches no others.

    Of 364 presets of learnfm with a pitch, drawn at random, 91 % sound a C at note 60: what the model never
    hears it cannot answer in tune. For 264 renders of starter presets at eleven notes, one forward pass of
    `latentdx` had a median distance of 1.42 when it heard the sound as it was and was `played_at` its note,
    and of 1.24 when it heard the sound `resampled` to this C and was `played_at` that.
    """
    return int(np.clip(12 * round(note / 12), *_REACHED))


def resampled(sound: Audio, semitones: float) -> Audio:
    """A sound (samples,) higher by so many semitones, as a sampler plays it: shorter too."""
    if not semitones:
        return sound
    return soxr.resample(sound, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE).astype(np.float32)


class Exploration(NamedTuple):
    """Presets tried for one sound, in the order of trial.

    Attributes:
        single: of the forward pass; it is the first one tried.
        values: uint8 (n, 145).
        distances: of their renders, (n,).
    """

    single: Predictions
    values: Values
    distances: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Programmer:
    """A trained model with what it takes to use it on sounds.

    Attributes:
        model: in evaluation mode.
        about: what the checkpoint says of itself.
        sha256: of the checkpoint, first sixteen digits.
    """

    model: PresetVAE
    about: checkpoint.CheckpointHeader
    sha256: str

    @cached_property
    def notes(self) -> tuple[tuple[int, int], ...]:
        """(MIDI note, velocity) that the model wants to hear, in this order."""
        return NOTE_SETS[self.about.profile.notes]

    def spectrograms(self, sounds: Audio | Sequence[Audio]) -> Tensor:
        """One sound, or one for each of `notes`, (samples,) at 22,050 Hz -> dB (1, note, 257, 347).

        A sound is cut, or filled up with silence, to the 4.017 s that the model knows.
        """
        given = _each(sounds)
        if len(given) != len(self.notes):
            raise ParameterError(f"this model hears {len(self.notes)} sounds {self.notes}, not {len(given)}")
        for sound in given:
            if sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all():
                raise ParameterError(f"a sound is mono and finite, of shape (samples,), not {sound.shape}")
        return torch.from_numpy(mel_spectrogram(np.stack([fitted(sound) for sound in given])))[None]

    def program(self, sounds: Audio | Sequence[Audio]) -> Preset:
        """One forward pass, the paper's way: mean of q(z0 | x), latent flow, regression."""
        return self.predict(self.spectrograms(sounds)).bank[0]

    def predict(self, decibels: Tensor) -> Predictions:
        """Spectrograms, dB (B, note, 257, 347) -> one preset each, one forward pass."""
        with one_thread() if len(decibels) == 1 else nullcontext():
            vectors = self.model.program(self.model.normalize(decibels))
        return self.model.representation.predictions(vectors)

    def sample(
        self, decibels: Tensor, n: int, *, temperature: float = 1.0, seed: int = 0, joint: bool = True
    ) -> Values:
        """Draw presets from the posterior: spectrograms, dB (B, note, 257, 347) -> uint8 (B, n, 145).

        With a sampler, coherent presets. Without one, or with `joint` off, z0 from q(z0 | x) and each one-hot
        block from its own softmax, parameters independent of each other given z0.
        """
        generator = torch.Generator().manual_seed(seed)
        model = self.model
        with one_thread(), torch.inference_mode():
            spectrograms = model.normalize(decibels)
            if joint and model.sampler is not None:
                maps = model.encoder.maps(spectrograms)
                return model.sampler.sample(maps, n, temperature=temperature, generator=generator).numpy()
            mean, log_variance = (t.repeat_interleave(n, 0) for t in model.encode(spectrograms))
            noise = torch.randn(mean.shape, generator=generator)
            z0 = mean + temperature * torch.exp(log_variance / 2) * noise
            vectors = model.regress(model.latent_flow(z0)[0])
            for block in model.representation.blocks:
                chance = (vectors[:, block.slice] / (TEMPERATURE * temperature)).softmax(1)
                drawn = torch.multinomial(chance, 1, generator=generator)
                vectors[:, block.slice] = torch.zeros_like(chance).scatter_(1, drawn, 1.0)
            return model.representation.decode(vectors).reshape(len(decibels), n, -1)

    def explore(
        self,
        decibels: Tensor,
        n: int,
        rank: Rank,
        *,
        temperature: float = DRAWING_TEMPERATURE,
        seed: int = 0,
    ) -> Exploration:
        """Try `n` presets for one sound: the forward pass, then draws from the posterior; with a sampler
        also rounds in which the best so far get one block (an operator, say) drawn anew given all else.

        Args:
            decibels: its spectrograms, dB (1, note, 257, 347).
            n: at least one.
            rank: presets (N, 145) -> distances from that sound (N,); called a few times.
            temperature: of the draws.
            seed: the same, the same presets.
        """
        single, sampler = self.predict(decibels), self.model.sampler
        first = n if sampler is None else min(n, _FIRST)
        values = single.values
        if first > 1:
            drawn = self.sample(decibels, first - 1, temperature=temperature, seed=seed)[0]
            values = np.concatenate([values, drawn])
        distances = rank(values)
        if sampler is None or n == first:
            return Exploration(single, values, distances)
        redraw = self.redraw(decibels, temperature=temperature, seed=seed)
        while len(values) < n:
            chosen = values[np.argsort(distances, kind="stable")[: min(_BEST, n - len(values))]]
            children = redraw(chosen)
            values, distances = np.concatenate([values, children]), np.append(distances, rank(children))
        return Exploration(single, values, distances)

    def redraw(
        self, decibels: Tensor, *, temperature: float = DRAWING_TEMPERATURE, seed: int = 0
    ) -> Callable[[Values], Values]:
        """For one sound, what draws one block (an operator, say), each time another, of presets (N, 145)
        anew given all else. Needs a sampler; arguments as of `explore`."""
        sampler = self.model.sampler
        if sampler is None:
            raise ParameterError(f"the model {self.about.profile.name!r} has no sampler to redraw with")
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        with one_thread(), torch.inference_mode():
            maps = self.model.encoder.maps(self.model.normalize(decibels))

        def drawn(values: Values) -> Values:
            block = int(rng.integers(1, N_BLOCKS))
            with one_thread(), torch.inference_mode():
                given = torch.from_numpy(values[None])
                out = sampler.redraw(maps, given, block, temperature=temperature, generator=generator)
            return out[0].numpy()

        return drawn

    def program_best(
        self,
        sounds: Audio | Sequence[Audio],
        n: int = N_DRAWN,
        *,
        seed: int = 0,
        renderer: Renderer | None = None,
    ) -> Preset:
        """The best of `n` presets (see `explore`), by rendering each and `distance`."""
        rank = partial(score, targets=_each(sounds), notes=self.notes, renderer=renderer)
        found = self.explore(self.spectrograms(sounds), n, rank, seed=seed)
        return Preset(found.values[int(found.distances.argmin())])


def _each(sounds: Audio | Sequence[Audio]) -> list[Audio]:
    return [sounds] if isinstance(sounds, np.ndarray) and sounds.ndim == 1 else list(sounds)


def load_model(name: str | Path) -> Programmer:
    """Load a published model by name ("numcat++"), fetched if it is not here; or a checkpoint file.

    Raises:
        DataMissingError: There is no such model; the message lists those there are.
        DataUnreachableError: The model cannot be downloaded.
        CheckpointError: The file is not a checkpoint.
    """
    file = Path(name)
    if file.suffix != ".safetensors":
        names = published_models()
        if str(name) not in names:
            raise DataMissingError(f"no model {str(name)!r}: there are {', '.join(names) or 'none'}")
        file = data_path("checkpoints", f"{name}.safetensors")
    model, about = checkpoint.load(file)
    return Programmer(model, about, checkpoint.checkpoint_hash(file))


def published_models() -> list[str]:
    """Return the names of the models that `load_model` knows: those at hand, and those that it can fetch."""
    folder = data_path("checkpoints")
    names = {file.stem for file in folder.glob("*.safetensors")}
    if checkout() is None:
        prefix = "data/checkpoints/"
        names |= {Path(file).stem for file in registry() if file.startswith(prefix)}
    return sorted(names)


# -- from sound files
# ------------------------------------------------------------------------------------------

_MOST_MOVED = 6  # semitones, to the nearest C

NAMELESS = "LATENTDX"
"""Name of presets for files without a letter that a DX7 can show."""


@dataclass(frozen=True)
class ProgramResult:
    """A preset for some targets.

    Attributes:
        preset: Preset to be played at the targets' own notes.
        distance: `objective.distance` of its renders there; mean over the notes.
        remarks: How sound and preset were transposed, in words.
        warnings: What may be wrong with that.
    """

    preset: Preset
    distance: float
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_inputs(
    files: Sequence[TargetFile], notes: Notes, note: int | None, velocity: int = VELOCITY
) -> list[Target]:
    """Prepare the sounds that a model hears, in the order of its notes.

    A model of one note files a sound at any note (see `program_targets`). Sounds at several notes keep their
    levels relative to each other: all get the gain of C4 at velocity 85.

    Args:
        files: Sound files, with notes and velocities where they are known.
        notes: (MIDI note, velocity) pairs that the model hears, `Programmer.notes`.
        note: Note of files that do not say theirs; estimated if omitted.
        velocity: Velocity of files that do not say theirs.

    Raises:
        ParameterError: The notes are not those that the model hears.
        AudioFileError: A file holds no sound within the bounds; see `prepare_target`.
    """
    wanted = ", ".join(f"{note_name(n)}@{v}" for n, v in notes)
    if len(files) != len(notes):
        raise ParameterError(
            f"this model hears {len(notes)} sound{'s' * (len(notes) > 1)} at once"
            f"{f' ({wanted})' if len(notes) > 1 else ''}, not {len(files)}"
        )
    targets = prepare_targets(files, note, velocity)
    if len(notes) == 1:
        return targets
    found = {(target.note, target.velocity): target for target in targets}
    if set(found) != set(notes):
        given = ", ".join(f"{note_name(i.note)}@{i.velocity}" for i in targets)
        raise ParameterError(f"this model hears {wanted}, not {given}: give each as NOTE@VELOCITY=FILE")
    gain = found.get(SINGLE_NOTE[0], targets[0]).gain_db
    return [found[played].with_gain(gain) for played in notes]


def program_targets(
    model: Programmer,
    targets: Sequence[Target],
    name: str = "",
    *,
    n: int = 1,
    seed: int = 0,
    renderer: Renderer | None = None,
    progress: bool = False,
) -> ProgramResult:
    """Program a preset that sounds like the targets at their own notes.

    A model of one note hears the target at the nearest C (`nearest_c`), and its preset sounds like that at
    C4: TRANSPOSE moves it by octaves to where the target was played (`played_at`).

    Args:
        model: The model that programs.
        targets: What `prepare_inputs` gave for the model's notes.
        name: Any text; the preset is named by what a DX7 can show of it.
        n: Number of presets tried; 1 is one forward pass as in the paper, see `Programmer.explore`.
        seed: Random seed of the draws.
        renderer: Synth that renders; default `Dexed`.
        progress: Show a progress bar on a terminal.
    """
    synth = renderer or Dexed()
    sounds, played = [t.sound for t in targets], [(t.note, t.velocity) for t in targets]
    note, c = targets[0].note, nearest_c(targets[0].note)
    single = len(model.notes) == 1
    decibels = model.spectrograms([resampled(sounds[0], c - note)] if single else sounds)

    def moved(values: Values) -> Values:
        return played_at(values, c) if single else values

    with tqdm(total=n, unit="preset", leave=False, disable=None if progress else True) as bar:

        def rank(values: Values) -> Floats:
            distances = score(moved(values), sounds, played, renderer=synth)
            bar.update(len(values))
            return distances

        found = model.explore(decibels, n, rank, seed=seed)
    best = int(found.distances.argmin())
    preset = Preset(moved(found.values[best]), display_name(name) or NAMELESS)
    remarks, warnings = _transpositions(note, c) if single else ((), ())
    return ProgramResult(preset, float(found.distances[best]), remarks, warnings)


def _transpositions(note: int, heard_at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say how a sound was moved to a C, and the preset back to its note; and what may be wrong with that."""
    moved, transposed = heard_at - note, SINGLE_NOTE[0][0] - heard_at
    said = []
    if moved:
        said.append(f"resampled by {moved:+d} semitones for the model, to {note_name(heard_at)}")
    if transposed:
        said.append(f"transposed by {transposed:+d} semitones: play it at {note} ({note_name(note)})")
    if abs(moved) <= _MOST_MOVED:
        return tuple(said), ()
    return tuple(said), (
        f"note {note} is {abs(moved)} semitones beyond the reach of TRANSPOSE, so the model hears it"
        f" {2 ** (moved / 12):.2g} times as fast",
    )
