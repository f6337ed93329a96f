"""Program presets from sounds: by one forward pass as in the paper, or as the best of several draws."""

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
from latentdx.audio.engine.synth import Engine
from latentdx.audio.notes import note_name
from latentdx.audio.renderer import NOTE_SETS, SAMPLE_RATE, SINGLE_NOTE, Renderer
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
"""Number of presets that the default inference draws and renders."""

# presets drawn as a whole, and best ones of which each round redraws one block; chosen on validation presets
_FIRST, _BEST = 24, 4
_TRANSPOSE = column("TRANSPOSE")
_REACHED = SINGLE_NOTE[0][0] - NEUTRAL_TRANSPOSE, SINGLE_NOTE[0][0] + NEUTRAL_TRANSPOSE


def played_at(values: Values, note: int) -> Values:
    """Transpose presets (..., 145) so that they sound at a note as they did at note 60, the models' note.

    TRANSPOSE changes by 60 - note. The engine adds it to the key before everything else, including scaling by
    key, so the sound stays the same. TRANSPOSE reaches two octaves up and down and stops at its bounds.
    """
    out = values.copy()
    moved = values[..., _TRANSPOSE].astype(np.int64) + SINGLE_NOTE[0][0] - note
    out[..., _TRANSPOSE] = np.clip(moved, 0, parameter("TRANSPOSE").maximum)
    return out


def nearest_c(note: int) -> int:
    """Return the C, 36 … 84, to which a sound at a note is resampled for a model of one note.

    TRANSPOSE reaches no other C. Of 364 presets of learnfm with a pitch, drawn at random, 91% sound a C at
    note 60, and the model does not answer in tune at pitches that it never heard. For 264 renders of starter
    presets at eleven notes, one forward pass of `latentdx` had a median distance of 1.42 when it heard the
    sound as it was (its preset `played_at` that note), and of 1.24 when it heard it `resampled` to this C.
    """
    return int(np.clip(12 * round(note / 12), *_REACHED))


def resampled(sound: Audio, semitones: float) -> Audio:
    """Transpose a sound (samples,) at 22,050 Hz as a sampler does, so that it also gets shorter or longer."""
    if not semitones:
        return sound
    return soxr.resample(sound, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE).astype(np.float32)


class Exploration(NamedTuple):
    """Presets tried for one sound, in the order of trial.

    Attributes:
        single: Prediction of the forward pass, which is tried first.
        values: Presets, uint8 (n, 145).
        distances: Distances of their renders from the sound, float64 (n,).
    """

    single: Predictions
    values: Values
    distances: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Programmer:
    """Trained model that programs presets from sounds.

    Attributes:
        model: The network, in evaluation mode.
        about: Header of its checkpoint.
        sha256: First sixteen hexadecimal digits of the checkpoint's SHA-256.
    """

    model: PresetVAE
    about: checkpoint.CheckpointHeader
    sha256: str

    @cached_property
    def notes(self) -> tuple[tuple[int, int], ...]:
        """(MIDI note, velocity) of the sounds that the model hears, in this order."""
        return NOTE_SETS[self.about.profile.notes]

    def spectrograms(self, sounds: Audio | Sequence[Audio]) -> Tensor:
        """Compute the spectrograms of the sounds that the model hears.

        Args:
            sounds: One sound (samples,) at 22,050 Hz, or a sequence with one for each of `notes`. Each is
                cut, or padded with silence, to the model's 4.017 s.

        Returns:
            Mel spectrograms in dB, float32 (1, note, 257, 347).

        Raises:
            ParameterError: Too few or too many sounds, or one that is empty, not mono or not finite.
        """
        given = _each(sounds)
        if len(given) != len(self.notes):
            raise ParameterError(f"this model hears {len(self.notes)} sounds {self.notes}, not {len(given)}")
        for sound in given:
            if sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all():
                raise ParameterError(f"a sound must be mono and finite, shape (samples,), not {sound.shape}")
        return torch.from_numpy(mel_spectrogram(np.stack([fitted(sound) for sound in given])))[None]

    def program(self, sounds: Audio | Sequence[Audio]) -> Preset:
        """Program a preset by one forward pass as in the paper: mean of q(z0 | x), flow, regression."""
        return self.predict(self.spectrograms(sounds)).bank[0]

    def predict(self, decibels: Tensor) -> Predictions:
        """Predict a preset for each item of a batch of spectrograms, dB (B, note, 257, 347)."""
        with one_thread() if len(decibels) == 1 else nullcontext():
            vectors = self.model.program(self.model.normalize(decibels))
        return self.model.representation.predictions(vectors)

    def sample(
        self, decibels: Tensor, n: int, *, temperature: float = 1.0, seed: int = 0, joint: bool = True
    ) -> Values:
        """Draw presets from the posterior.

        A model with a sampler draws coherent presets. Without one, or with `joint` off, z0 is drawn from
        q(z0 | x) and each one-hot block from its own softmax, so parameters are independent given z0.

        Args:
            decibels: Spectrograms in dB, (B, note, 257, 347).
            n: Number of presets per item.
            temperature: Temperature of the draws; lower ones vary less.
            seed: Random seed; equal seeds give equal presets.
            joint: Use the model's sampler, if it has one.

        Returns:
            Presets, uint8 (B, n, 145).
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
        """Try several presets for one sound.

        The first one is the forward pass, the next ones are draws from the posterior. With a sampler, rounds
        follow that redraw one block (such as an operator) of the best presets so far; see `redraw`.

        Args:
            decibels: Spectrograms of the sound in dB, (1, note, 257, 347).
            n: Number of presets to try, at least one.
            rank: Function that returns the distances (N,) of presets (N, 145) from the sound.
            temperature: Temperature of the draws.
            seed: Random seed; equal seeds give equal presets.
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
        """Return a function that redraws one block of presets, given the sound and all other blocks.

        Args:
            decibels: Spectrograms of the sound in dB, (1, note, 257, 347).
            temperature: Temperature of the draws.
            seed: Random seed; equal seeds give equal sequences of draws.

        Returns:
            Function from presets (N, 145) to changed copies. Each call picks a block at random: an operator,
            or the LFO with the pitch envelope.

        Raises:
            ParameterError: The model has no sampler.
        """
        sampler = self.model.sampler
        if sampler is None:
            raise ParameterError(f"the model {self.about.profile.name!r} has no sampler to redraw with")
        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        with one_thread(), torch.inference_mode():
            maps = self.model.encoder.maps(self.model.normalize(decibels))

        def redrawn(values: Values) -> Values:
            block = int(rng.integers(1, N_BLOCKS))
            with one_thread(), torch.inference_mode():
                given = torch.from_numpy(values[None])
                out = sampler.redraw(maps, given, block, temperature=temperature, generator=generator)
            return out[0].numpy()

        return redrawn

    def program_best(
        self,
        sounds: Audio | Sequence[Audio],
        n: int = N_DRAWN,
        *,
        seed: int = 0,
        renderer: Renderer | None = None,
    ) -> Preset:
        """Program a preset as the best of several, which are rendered and compared with the sounds.

        Args:
            sounds: See `spectrograms`.
            n: Number of presets to try; see `explore`.
            seed: Random seed; equal seeds give equal presets.
            renderer: Synth that renders; default `Engine()`.
        """
        rank = partial(score, targets=_each(sounds), notes=self.notes, renderer=renderer)
        found = self.explore(self.spectrograms(sounds), n, rank, seed=seed)
        return Preset(found.values[int(found.distances.argmin())])


def _each(sounds: Audio | Sequence[Audio]) -> list[Audio]:
    return [sounds] if isinstance(sounds, np.ndarray) and sounds.ndim == 1 else list(sounds)


def load_model(name: str | Path) -> Programmer:
    """Load a published model by name ("numcat++"), downloading it if necessary; or a `.safetensors` file.

    Raises:
        DataMissingError: There is no such model; the message lists those that exist.
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
    """Return the names of the models that `load_model` can load or download."""
    folder = data_path("checkpoints")
    names = {file.stem for file in folder.glob("*.safetensors")}
    if checkout() is None:
        prefix = "data/checkpoints/"
        names |= {Path(file).stem for file in registry() if file.startswith(prefix)}
    return sorted(names)


# -- from sound files ----------------------------------------------------------------------------------------

_MOST_MOVED = 6  # semitones to the nearest C

NAMELESS = "LATENTDX"
"""Name of presets for files whose names hold no character that a DX7 can show."""


@dataclass(frozen=True)
class ProgramResult:
    """A preset for some targets.

    Attributes:
        preset: Preset to be played at the targets' own notes.
        distance: `objective.distance` of its renders at those notes, mean over the notes.
        remarks: Sentences on how sound and preset were transposed.
        warnings: Sentences on what may be wrong with that.
    """

    preset: Preset
    distance: float
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]


def prepare_inputs(
    files: Sequence[TargetFile], notes: Notes, note: int | None, velocity: int = VELOCITY
) -> list[Target]:
    """Prepare the sounds that a model hears, in the order of its notes.

    A model of one note accepts a sound at any note (see `program_targets`). Sounds at several notes keep
    their levels relative to each other: all get the gain of C4 at velocity 85.

    Args:
        files: Sound files, with notes and velocities where they are known.
        notes: (MIDI note, velocity) pairs that the model hears, `Programmer.notes`.
        note: MIDI note of files that do not name theirs; estimated if omitted.
        velocity: Velocity of files that do not name theirs, 1 … 127.

    Raises:
        ParameterError: The notes are not those that the model hears.
        AudioFileError: A file cannot be read or holds no usable sound; see `prepare_target`.
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

    A model of one note hears the target resampled to the nearest C (`nearest_c`), and its preset sounds like
    that at C4. TRANSPOSE then moves the preset by octaves to the note of the target (`played_at`).

    Args:
        model: Model that programs the preset.
        targets: Sounds for the model's notes, from `prepare_inputs`.
        name: Any text; the preset is named by the characters of it that a DX7 can show.
        n: Number of presets to try; 1 is one forward pass as in the paper. See `Programmer.explore`.
        seed: Random seed; equal seeds give equal presets.
        renderer: Synth that renders; default `Engine()`.
        progress: Show a progress bar on a terminal.
    """
    synth = renderer or Engine()
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
    """Describe how a sound was moved to a C and its preset back to the note, and what may be wrong there."""
    moved, transposed = heard_at - note, SINGLE_NOTE[0][0] - heard_at
    remarks = []
    if moved:
        remarks.append(f"sound resampled by {moved:+d} semitones to {note_name(heard_at)} for the model")
    if transposed:
        remarks.append(f"transposed by {transposed:+d} semitones; play it at note {note} ({note_name(note)})")
    if abs(moved) <= _MOST_MOVED:
        return tuple(remarks), ()
    return tuple(remarks), (
        f"note {note} is {abs(moved)} semitones beyond the range of TRANSPOSE, so the model hears the sound"
        f" {2 ** (moved / 12):.2g} times as fast",
    )
