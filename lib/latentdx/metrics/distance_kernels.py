"""The distance of the search, compiled; it computes what `search_distance.NumpyDistance` computes.

Spectra are made of 16 frames at a time and compared at once with those of the target, so that they never
leave the processor's cache. Importing this module imports Numba.
"""

import numpy as np

from latentdx.audio.engine.memory import address
from latentdx.audio.stft.fft import powers_of_1024, powers_of_2048
from latentdx.audio.stft.frames import cut, reflect_end, reflect_start
from latentdx.audio.stft.jit import inline, jit
from latentdx.audio.stft.lanes import absolute, larger, leading, load, read, repeat, sqrt, store, total
from latentdx.audio.stft.lanes import largest as largest_lane
from latentdx.audio.stft.layout import LANE_BYTES, LANES, Array, Lanes
from latentdx.audio.stft.logarithm import log2
from latentdx.audio.stft.mel import band
from latentdx.metrics.distance_memory import HOP, N_BINS, N_MELS, N_MFCC, Spectra, Tables, Workspace
from latentdx.metrics.modulation_kernels import depth_distance, write_depths

_LEAST_POWER = np.float32(1e-8)  # the square of `sound_features.LOG_FLOOR`
_LEAST_MEL = np.float32(1e-10)
_LOWEST_DB, _RANGE_DB = np.float32(-100), np.float32(80)  # of the least mel power; as in librosa
_MAGNITUDE = 0.5 * np.log10(2.0)  # a magnitude's logarithm to base 10, from its power's to base 2
_DECIBELS = np.float32(10 * np.log10(2))
_ZERO = np.float32(0)
_BLOCKS_BEFORE = 2  # of a frame of 2,048 samples, before its center
_PAIR = 2 * LANE_BYTES  # a magnitude and a logarithm


@jit
def prepare(sound: Array, tables: Tables, work: Workspace, wanted: Spectra) -> float:
    """Compute the spectra of a target, and return the norm of its STFT.

    Args:
        sound: Target, float32 (samples,).
        tables: Tables of `distance_memory.tables`.
        work: Memory for this number of samples.
        wanted: Spectra of the target, filled.
    """
    n_frames, squares, loudest = 1 + len(sound) // HOP, 0.0, repeat(_LOWEST_DB)
    for group in range(len(wanted.stft)):
        loudest = _write_mel(sound, group, tables, work, loudest)
        _write_stft_powers(sound, group, tables, work)
        inside, to = leading(n_frames - group * LANES), address(wanted.stft) + group * N_BINS * _PAIR
        log_sum, sum_, lowest = repeat(_ZERO), repeat(_ZERO), log2(repeat(_LEAST_POWER))
        octaves = repeat(_ZERO)
        for k in range(N_BINS):
            power = load(address(work.powers) + k * LANE_BYTES)
            logarithm = log2(larger(power, repeat(_LEAST_POWER)))
            store(to + k * _PAIR, sqrt(power))
            store(to + k * _PAIR + LANE_BYTES, logarithm)
            log_sum = log_sum + absolute(logarithm - lowest)
            sum_ = sum_ + power
            octaves = octaves + power * read(address(tables.octaves) + 4 * k)
        _write_moments(address(work.moments), group, sum_, octaves)
        wanted.from_silence[group, 0] = total(log_sum * inside)
        wanted.from_silence[group, 1] = total(sum_ * inside)
        squares += wanted.from_silence[group, 1]
    _write_mfccs(loudest, tables, work, wanted.mfcc)
    write_depths(wanted.mfcc, work.moments, n_frames, tables.waves, work.tracks, work.waves, wanted.depths)
    return np.sqrt(squares)


@jit
def distances(
    sound: Array, tables: Tables, work: Workspace, wanted: Spectra, norm: float
) -> tuple[float, float, float, float]:
    """Return the four distances of a sound from a target.

    Args:
        sound: Float32 (samples,), as many as the target has.
        tables: Tables of `distance_memory.tables`.
        work: Memory for this number of samples.
        wanted: Spectra of the target.
        norm: Norm of the target's STFT.

    Returns:
        Mean difference of the logarithmic STFT, spectral convergence, mean difference of the MFCCs, and
        distance of the modulation spectra.
    """
    n_frames, loudest = 1 + len(sound) // HOP, repeat(_LOWEST_DB)
    logarithms, squares, mfccs = 0.0, 0.0, 0.0
    sounding = min(_n_sounding_groups(sound), len(wanted.stft))
    for group in range(sounding, len(wanted.stft)):  # after the release, which is a tenth of most renders
        _write_silent_mel(group, work)
        _write_moments(address(work.moments), group, repeat(_ZERO), repeat(_ZERO))
        logarithms += wanted.from_silence[group, 0]
        squares += wanted.from_silence[group, 1]
    for group in range(sounding):
        loudest = _write_mel(sound, group, tables, work, loudest)
        _write_stft_powers(sound, group, tables, work)
        inside, target = leading(n_frames - group * LANES), address(wanted.stft) + group * N_BINS * _PAIR
        log_sum, square_sum = repeat(_ZERO), repeat(_ZERO)
        sum_, octaves = repeat(_ZERO), repeat(_ZERO)
        for k in range(N_BINS):
            power = load(address(work.powers) + k * LANE_BYTES)
            magnitude = sqrt(power) - load(target + k * _PAIR)
            square_sum = square_sum + magnitude * magnitude
            logarithm = log2(larger(power, repeat(_LEAST_POWER))) - load(target + k * _PAIR + LANE_BYTES)
            log_sum = log_sum + absolute(logarithm)
            sum_ = sum_ + power
            octaves = octaves + power * read(address(tables.octaves) + 4 * k)
        _write_moments(address(work.moments), group, sum_, octaves)
        logarithms += total(log_sum * inside)
        squares += total(square_sum * inside)
    _write_mfccs(loudest, tables, work, work.mfcc)
    for group in range(len(wanted.mfcc)):
        mfcc_sum = repeat(_ZERO)
        for i in range(N_MFCC):
            offset = (group * N_MFCC + i) * LANE_BYTES
            mfcc = load(address(work.mfcc) + offset) - load(address(wanted.mfcc) + offset)
            mfcc_sum = mfcc_sum + absolute(mfcc)
        mfccs += total(mfcc_sum * leading(n_frames - group * LANES))
    write_depths(work.mfcc, work.moments, n_frames, tables.waves, work.tracks, work.waves, work.depths)
    return (
        logarithms * _MAGNITUDE / (n_frames * N_BINS),
        np.sqrt(squares) / norm,
        mfccs / (n_frames * N_MFCC),
        depth_distance(wanted.depths, work.depths),
    )


@inline
def _n_sounding_groups(sound: Array) -> int:
    """Count the groups before those whose frames hold nothing but zeros, up to the end."""
    end = len(sound)
    while end and sound[end - 1] == 0:
        end -= 1
    return (end // HOP + _BLOCKS_BEFORE) // LANES + 1


@inline
def _write_moments(moments: int, group: int, power: Lanes, octaves: Lanes) -> None:
    """Write the power of a group's frames, and the sums of octaves weighted by it."""
    store(moments + 2 * group * LANE_BYTES, power)
    store(moments + (2 * group + 1) * LANE_BYTES, octaves)


@inline
def _write_silent_mel(group: int, work: Workspace) -> None:
    """Write the mel bands of silence in dB."""
    lowest = log2(repeat(_LEAST_MEL)) * _DECIBELS
    for mel in range(N_MELS):
        store(address(work.decibels) + (group * N_MELS + mel) * LANE_BYTES, lowest)


@inline
def _write_mel(sound: Array, group: int, tables: Tables, work: Workspace, loudest: Lanes) -> Lanes:
    """Cut the blocks of a group, write its mel bands in dB, and return the largest values so far."""
    cut(sound, group, work.blocks)
    row, numbers = 4 * work.blocks.shape[1], address(work.numbers)
    powers_of_2048(address(work.blocks), row, HOP, tables.mel, numbers, address(work.powers))
    inside = leading(1 + len(sound) // HOP - group * LANES)
    for mel in range(N_MELS):
        power = larger(band(address(work.powers), tables.filters, mel), repeat(_LEAST_MEL))
        decibels = log2(power) * _DECIBELS
        loudest = larger(loudest, (decibels - _LOWEST_DB) * inside + _LOWEST_DB)
        store(address(work.decibels) + (group * N_MELS + mel) * LANE_BYTES, decibels)
    return loudest


@inline
def _write_stft_powers(sound: Array, group: int, tables: Tables, work: Workspace) -> None:
    """Write the powers of the bins of a group, whose blocks are there; their ends are reflected."""
    if group == 0:
        reflect_start(sound, work.blocks)
    if group == len(sound) // HOP // LANES:
        reflect_end(sound, group, work.blocks)
    row, numbers = 4 * work.blocks.shape[1], address(work.numbers)
    # half of these frames is one block, not two
    powers_of_1024(address(work.blocks) + 4, row, HOP, tables.stft, numbers, address(work.powers))


@jit
def _write_mfccs(loudest: Lanes, tables: Tables, work: Workspace, mfcc: Array) -> None:
    """Write the MFCCs of all groups, whose mel bands are there."""
    floor = repeat(largest_lane(loudest) - _RANGE_DB)
    for group in range(len(mfcc)):
        decibels = address(work.decibels) + group * N_MELS * LANE_BYTES
        for mel in range(N_MELS):
            at = decibels + mel * LANE_BYTES
            store(at, larger(load(at), floor))
        for i in range(N_MFCC):
            cosines = address(tables.cosines) + i * N_MELS * 4
            store(address(mfcc) + (group * N_MFCC + i) * LANE_BYTES, _product(decibels, cosines))


@inline
def _product(vectors: int, weights: int) -> Lanes:
    """Return the weighted sum of the mel bands, in four sums that do not wait for one another."""
    a, b, c, d = repeat(_ZERO), repeat(_ZERO), repeat(_ZERO), repeat(_ZERO)
    for i in range(0, N_MELS, 4):
        at, weight = vectors + i * LANE_BYTES, weights + 4 * i
        a = a + load(at) * read(weight)
        b = b + load(at + LANE_BYTES) * read(weight + 4)
        c = c + load(at + 2 * LANE_BYTES) * read(weight + 8)
        d = d + load(at + 3 * LANE_BYTES) * read(weight + 12)
    return a + b + (c + d)
