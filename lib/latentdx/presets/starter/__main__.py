"""Command that writes the starter cartridges: `python -m latentdx.presets.starter FOLDER`."""

import sys

from latentdx.presets import starter

if len(sys.argv) != 2:
    sys.exit("usage: python -m latentdx.presets.starter FOLDER")
for path in starter.write(sys.argv[1]):
    print(path)
