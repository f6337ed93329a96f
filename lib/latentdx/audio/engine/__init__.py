"""The project's own DX7 engine, which computes the same bits as dexed-py.

It implements a functional specification of the engine of Dexed in two eras; each module's docstring names the
sections that it implements:

- `tables`: tables, the constants of a sample rate, and the algorithms (sections 4 to 12);
- `layout`: the record of a note;
- `pitch`, `envelope`, `lfo`: what moves once per block of 64 samples (sections 5 to 9);
- `control`: gains and phase steps of the operators (sections 10 and 11.3);
- `operators`: the samples (sections 11 and 12);
- `voice`: one note (sections 3 and 13);
- `trace`: what moves once per block, recorded for pictures;
- `eras`: which of the differences between the eras concern a preset;
- `compilation`: the compiled functions, and where they are kept;
- `synth`: the class `Engine`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
