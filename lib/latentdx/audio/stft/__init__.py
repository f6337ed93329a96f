"""Spectra in compiled code, of 16 frames at a time.

Each number of a frame takes a vector with one lane for each of 16 successive frames, so that all frames pass
through the same operations at the same time:

- `layout`: sizes, and arrays that suit vectors;
- `tables`: windows, twiddle factors and mel filters as the compiled functions read them;
- `lanes`: vectors of 16 numbers, as a type of Numba;
- `frames`: a sound in blocks, from which vectors of successive frames are read;
- `fft`: the FFT of real frames;
- `logarithm`, `mel`: logarithms, and mel bands;
- `mel_spectrogram`: the spectrogram of `audio.spectrogram`;
- `compilation`: the compiled functions.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
