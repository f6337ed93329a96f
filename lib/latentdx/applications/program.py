"""From sounds to presets: one forward pass as in the paper, or the best of several samples by rendering."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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

from latentdx.audio.dexed import N_SAMPLES, NOTE_SETS, SAMPLE_RATE, SINGLE_NOTE, Dexed, Renderer
from latentdx.audio.spectrogram import mel_spectrogram
from latentdx.errors import ParameterError, ShippedFileError
from latentdx.evaluation.metrics import log_stft_mae, mfcc_mae, spectral_convergence
from latentdx.evaluation.sound import Sound
from latentdx.models.predictions import Predictions
from latentdx.models.preset_vae import PresetVAE
from latentdx.models.sampler import DRAWING_TEMPERATURE, N_BLOCKS
from latentdx.presets.bank import Preset
from latentdx.presets.parameters import NEUTRAL_TRANSPOSE, column, parameter
from latentdx.shipped import shipped
from latentdx.threads import one_thread
from latentdx.training import checkpoint
from latentdx.training.losses import TEMPERATURE

Audio = npt.NDArray[np.float32]
Values = npt.NDArray[np.uint8]
Rank = Callable[[Values], npt.NDArray[np.float64]]

N_DRAWN = 64
"""Presets that the default inference draws and renders."""

# so many are drawn as a whole; then the best get one block drawn anew, round by round: by validation presets
_FIRST, _BEST = 24, 4
_TRANSPOSE = column("TRANSPOSE")
_REACHED = SINGLE_NOTE[0][0] - NEUTRAL_TRANSPOSE, SINGLE_NOTE[0][0] + NEUTRAL_TRANSPOSE


def distance(target: Sound, found: Sound) -> float:
    """0.27 log-STFT + 0.70 spectral convergence + 0.03 MFCC13: a mix reported to follow listeners with a
    correlation of 0.85 (SynthRL, IJCAI 2025). A silent target has no convergence: its share is left out."""
    convergence = spectral_convergence(target, found)
    rest = 0.27 * log_stft_mae(target, found) + 0.03 * mfcc_mae(target, found, 13)
    return rest if np.isnan(convergence) else rest + 0.70 * convergence


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


class Explored(NamedTuple):
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
    about: checkpoint.About
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
        return Predictions.of_vectors(self.model.representation, vectors)

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
    ) -> Explored:
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
            return Explored(single, values, distances)
        redraw = self.redraw(decibels, temperature=temperature, seed=seed)
        while len(values) < n:
            chosen = values[np.argsort(distances, kind="stable")[: min(_BEST, n - len(values))]]
            children = redraw(chosen)
            values, distances = np.concatenate([values, children]), np.append(distances, rank(children))
        return Explored(single, values, distances)

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


def fitted(sound: Audio) -> Audio:
    """Cut or filled up to the length that everything here is rendered at."""
    return np.pad(sound[:N_SAMPLES], (0, max(N_SAMPLES - len(sound), 0))).astype(np.float32)


def score(
    values: Values,
    targets: Sequence[Audio],
    notes: Sequence[tuple[int, int]],
    *,
    renderer: Renderer | None = None,
    measure: Callable[[Sound, Sound], float] = distance,
    threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Render presets (N, 145) at each note and compare with that note's target: mean distance, (N,)."""
    synth = renderer or Dexed()
    heard = [Sound(fitted(sound)) for sound in targets]
    for sound in heard:  # computed once, before threads ask for them
        _ = sound.log_stft, sound.mfcc

    def of(preset: npt.NDArray[np.uint8]) -> float:
        found = (Sound(synth.render(Preset(preset), *note)) for note in notes)
        return float(np.mean([measure(t, f) for t, f in zip(heard, found, strict=True)]))

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(of, values)))


def load_model(name: str | Path) -> Programmer:
    """A shipped model by name ("numcat++"), or a checkpoint file.

    Raises:
        ShippedFileError: no such model; the message lists those there are.
        CheckpointError: the file is none.
    """
    file = Path(name)
    if file.suffix != ".safetensors":
        folder = shipped("checkpoints")
        file = folder / f"{name}.safetensors"
        if not file.exists():
            known = ", ".join(sorted(f.stem for f in folder.glob("*.safetensors"))) or "none"
            raise ShippedFileError(f"no model {str(name)!r} in {folder}: there are {known}")
    model, about = checkpoint.load(file)
    return Programmer(model, about, checkpoint.checkpoint_hash(file))
