"""Small notebooks to run: of any cells, and of every kind of media that chapters show."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

EVERY_KIND_OF_MEDIA = """
import numpy as np
from IPython.display import display
from latentdx import Dexed
from latentdx.display import media
from latentdx.display.downloads import cartridge
from latentdx.display.html import HTML
from latentdx.display.listening_rows import Clip, row
from latentdx.presets import corpora
from latentdx_book.chapters import latent_map, own_sound
bank = corpora.read("starter").neutral()[:count]
sounds = [Dexed().render(preset) for preset in bank]
display(row([Clip(s, p.name, preset=p) for p, s in zip(bank, sounds)], "Presets"))
display(cartridge(list(bank), "two"))
spots = [latent_map.Spot(i, p.name, s) for i, (p, s) in enumerate(zip(bank, sounds))]
presets = latent_map.LatentMap(np.eye(count), np.eye(count), ["a", "b"], bank, np.ones(count), "")
display(latent_map.map_html(presets, spots, "Map"))
drawing = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><path d='M0 0h9'/></svg>"
display(HTML(f"<img src='{media.save(drawing, 'svg')}'>"))
assert not own_sound.live()  # nobody is there to press buttons
"""

COUNT = {"audio": 4, "image": 3, "application": 4}
"""Number of links to each kind of media in that notebook."""


def write_notebook(path: Path, *cells: str) -> Path:
    parameters = new_code_cell("count = 2", metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[parameters, *map(new_code_cell, cells)], metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)
    return path


def write_media_notebook(path: Path) -> Path:
    """Write the notebook with every kind of media."""
    return write_notebook(path, EVERY_KIND_OF_MEDIA)
