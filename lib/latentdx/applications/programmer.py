"""Program presets from sounds: by one forward pass as in the paper, or as the best of several draws."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Unpack, overload

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from latentdx.applications.exploration import Exploration, Rank
from latentdx.applications.output_level import at_level
from latentdx.applications.preset_names import preset_name
from latentdx.applications.sound_inputs import OneInstrument, SoundOptions, Sounds, prepare_instruments
from latentdx.applications.target import VELOCITY, Target, free_db
from latentdx.applications.transposition import describe_transposition, nearest_c, played_at, resampled
from latentdx.audio.engine.synth import Engine
from latentdx.audio.renderer import NOTE_SETS, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.checkout import checkout
from latentdx.errors import DataMissingError, ParameterError
from latentdx.metrics.objective import fitted, score
from latentdx.models import incremental_decoding
from latentdx.models.posterior_sampler import DRAWING_TEMPERATURE, N_BLOCKS
from latentdx.models.preset_vae import PresetVAE
from latentdx.presets.bank import Preset
from latentdx.presets.predictions import Predictions
from latentdx.registry import data_path, registry
from latentdx.threads import one_thread
from latentdx.training import checkpoint
from latentdx.training.augmentation import at_unknown_level
from latentdx.training.losses import TEMPERATURE
from latentdx.training.network import Factory
from latentdx.typing import Audio, Floats, Values

N_DRAWN = 64
"""Number of presets that the default inference draws and renders."""

# presets drawn as a whole, and best ones of which each round redraws one block; chosen on validation presets
FIRST_DRAWS, _BEST = 24, 4
_BATCH = 32  # sounds in one forward pass


class _BestOptions(SoundOptions, total=False):
    seed: int
    renderer: Renderer | None


@dataclass(frozen=True)
class Programmer:
    """Trained model that programs presets from sounds.

    Attributes:
        model: The network, in evaluation mode; a `PresetNetwork` of one's own can `predict` and `program`.
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
        given = [sounds] if isinstance(sounds, np.ndarray) and sounds.ndim == 1 else list(sounds)
        if len(given) != len(self.notes):
            raise ParameterError(f"this model hears {len(self.notes)} sounds {self.notes}, not {len(given)}")
        for sound in given:
            if sound.ndim != 1 or not len(sound) or not np.isfinite(sound).all():
                raise ParameterError(f"a sound must be mono and finite, shape (samples,), not {sound.shape}")
        return torch.from_numpy(mel_spectrogram(np.stack([fitted(sound) for sound in given])))[None]

    @overload
    def program(  # type: ignore[overload-overlap]  # a string is one sound, although it is iterable
        self, sounds: OneInstrument, **options: Unpack[SoundOptions]
    ) -> Preset: ...
    @overload
    def program(self, sounds: Iterable[OneInstrument], **options: Unpack[SoundOptions]) -> list[Preset]: ...
    def program(
        self,
        sounds: Sounds,
        *,
        rate: float | None = None,
        note: int | None = None,
        velocity: int = VELOCITY,
        onset: int | None = None,
        hold: float | None = None,
        name: str | Sequence[str] | None = None,
    ) -> Preset | list[Preset]:
        """Program presets by one forward pass as in the paper: mean of q(z0 | x), flow, regression.

        Files and arrays are prepared by `prepare_target`, with a Python warning of what may be wrong; renders
        are heard as they are. Sounds at other notes get presets for those notes.

        Args:
            sounds: A sound file, an array of samples with its `rate`, a render of `Dexed` at note 60, or a
                `Target`; for a model of several notes a mapping from (MIDI note, velocity) to such sounds. A
                list of these is programmed in one batch.
            rate: Sample rate of arrays in Hz.
            note: MIDI note that was played; default: estimated, and 60 for a render.
            velocity: Velocity of the note, 1 … 127.
            onset: Number of the onset at which the sound starts; default: the first.
            hold: Time in seconds for which the key was held; default: found, and 3 s for a render.
            name: Name of the preset, or for a list a name for each; default: the names of files.

        Returns:
            One preset, or a list of them if `sounds` is a list.

        Raises:
            AudioFileError, ParameterError: A sound cannot be used; see `sound_inputs.prepare_instruments`.
        """
        instruments, one = prepare_instruments(
            sounds, self.notes, rate=rate, note=note, velocity=velocity, onset=onset, hold=hold, name=name
        )
        presets = []
        for start in range(0, len(instruments), _BATCH):
            part = instruments[start : start + _BATCH]
            with one_thread():  # 20 sounds took 0.22 s, and 0.65 s on two threads beside other work
                found = self.predict(torch.cat([self.hear(sound.targets) for sound in part])).values
            for row, sound in zip(found, part, strict=True):
                presets.append(Preset(self.answered(row, sound.targets), preset_name(sound.name)))
        return presets[0] if one else presets

    def leveled_spectrograms(self, targets: Sequence[Target]) -> Tensor:
        """Compute the spectrograms of prepared sounds at their levels, dB (1, note, 257, 347).

        For a model of one note, a sound at another note than 60 is resampled to the nearest C (`nearest_c`).
        The targets are in the order of `notes`.
        """
        sounds = [target.sound for target in targets]
        if len(self.notes) == 1:
            sounds = [resampled(sounds[0], nearest_c(targets[0].note) - targets[0].note)]
        return self.spectrograms(sounds)

    def hear(self, targets: Sequence[Target]) -> Tensor:
        """Compute the spectrograms that the model gets of prepared sounds, see `leveled_spectrograms`.

        From recordings, whose level says nothing, it is taken away if the model learned to do without it.
        """
        found = self.leveled_spectrograms(targets)
        if self.about.profile.unknown_level and not all(target.level_known for target in targets):
            return at_unknown_level(found)
        return found

    def answered(self, values: Values, targets: Sequence[Target]) -> Values:
        """Transpose presets (…, 145) that were programmed for what `hear` returned to the targets' note."""
        return played_at(values, nearest_c(targets[0].note)) if len(self.notes) == 1 else values

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
            temperature: Temperature of the draws; lower ones vary less, and 0 takes the likeliest values.
            seed: Random seed; equal seeds give equal presets.
            joint: Use the model's sampler, if it has one.

        Returns:
            Presets, uint8 (B, n, 145).
        """
        if not isinstance(self.model, PresetVAE):
            raise ParameterError(
                f"the network of {self.about.profile.name!r} has no posterior: it programs one preset a sound"
            )
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
                chance = (vectors[:, block.slice] / (TEMPERATURE * max(temperature, 1e-6))).softmax(1)
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
        follow that redraw one block (such as an operator) of the best presets so far (see `redraw`).

        Args:
            decibels: Spectrograms of the sound in dB, (1, note, 257, 347), see `hear`.
            n: Number of presets to try, at least one.
            rank: Function that returns the distances (N,) of presets (N, 145) from the sound.
            temperature: Temperature of the draws.
            seed: Random seed; equal seeds give equal presets.
        """
        single, sampler = self.predict(decibels), getattr(self.model, "sampler", None)
        first = n if sampler is None else min(n, FIRST_DRAWS)
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
        sampler = getattr(self.model, "sampler", None)
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

    @overload
    def program_best(  # type: ignore[overload-overlap]
        self, sounds: OneInstrument, n: int = N_DRAWN, **options: Unpack[_BestOptions]
    ) -> Preset: ...
    @overload
    def program_best(
        self, sounds: Iterable[OneInstrument], n: int = N_DRAWN, **options: Unpack[_BestOptions]
    ) -> list[Preset]: ...
    def program_best(
        self,
        sounds: Sounds,
        n: int = N_DRAWN,
        *,
        rate: float | None = None,
        note: int | None = None,
        velocity: int = VELOCITY,
        onset: int | None = None,
        hold: float | None = None,
        name: str | Sequence[str] | None = None,
        seed: int = 0,
        renderer: Renderer | None = None,
    ) -> Preset | list[Preset]:
        """Program presets as the best of several, which are rendered and compared with the sounds.

        Args:
            sounds, rate, note, velocity, onset, hold, name: See `program`; a list's items take their turns.
            n: Number of presets to try for each; see `explore`.
            seed: Random seed; equal seeds give equal presets.
            renderer: Synth that renders; default `Engine()`.

        Raises:
            AudioFileError, ParameterError: A sound cannot be used, or `n` is not a positive integer.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise ParameterError(f"n is the number of presets to try, an integer of at least 1, not {n!r}")
        instruments, one = prepare_instruments(
            sounds, self.notes, rate=rate, note=note, velocity=velocity, onset=onset, hold=hold, name=name
        )
        best = partial(program_targets, self, n=n, seed=seed, renderer=renderer)
        presets = [best(sound.targets, sound.name).preset for sound in instruments]
        return presets[0] if one else presets


def load_model(name: str | Path, *, factory: Factory | str | None = None) -> Programmer:
    """Load a published model by name ("numcat++"), downloading it if necessary; or a `.safetensors` file.

    Args:
        name: Name of a model, or path of a checkpoint.
        factory: Factory of a network of one's own, or its import path, see `latentdx.training.network`.

    Raises:
        DataMissingError: There is no such model; the message lists those that exist.
        CheckpointError, DataUnreachableError: The file is no checkpoint, or the model cannot be downloaded.
    """
    file = Path(name)
    if file.suffix != ".safetensors":
        names = published_models()
        if file.is_file():
            raise DataMissingError(
                f"{name} cannot be loaded as a model: what a finished training leaves is model.safetensors"
            )
        if str(name) not in names:
            raise DataMissingError(f"no model {str(name)!r}: there are {', '.join(names) or 'none'}")
        file = data_path("checkpoints", f"{name}.safetensors")
    model, about = checkpoint.load(file, factory=factory)
    if getattr(model, "sampler", None) is not None:
        incremental_decoding.LIBRARY.ready()  # loaded, and the first time compiled, beside what follows
    return Programmer(model, about, checkpoint.checkpoint_hash(file))


def published_models() -> list[str]:
    """Return the names of the models that `load_model` can load or download."""
    folder = data_path("checkpoints")
    names = {file.stem for file in folder.glob("*.safetensors")}
    if checkout() is None:
        names |= {Path(file).stem for file in registry() if file.startswith("data/checkpoints/")}
    return sorted(names)


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
    synth, holds, free = renderer or Engine(), [t.hold for t in targets], free_db(targets)
    sounds, played = [t.sound for t in targets], [(t.note, t.velocity) for t in targets]
    measure = partial(score, targets=sounds, notes=played, holds=holds, free_db=free, renderer=synth)
    with tqdm(total=n, unit="preset", leave=False, disable=None if progress else True) as bar:

        def rank(values: Values) -> Floats:
            bar.update(len(values))
            return measure(model.answered(values, targets))

        found = model.explore(model.hear(targets), n, rank, seed=seed)
    best = found.values[found.distances.argmin()]
    preset = Preset(model.answered(best, targets), preset_name(name))
    if n > 1:  # one pass does not hear its answer
        own = [synth.render(preset, t.note, t.velocity, hold=t.hold, n_samples=len(t.sound)) for t in targets]
        preset = at_level(preset, sounds, own, measure)
    remarks, warnings = describe_transposition(targets[0].note) if len(model.notes) == 1 else ((), ())
    return ProgramResult(preset, float(measure(preset.values[None])[0]), remarks, warnings)
