"""What the notebooks call to show things: listening rows, figures, algorithms, tables."""

import warnings

from latentdx.book.algorithms import algorithm_grid, algorithm_html
from latentdx.book.downloads import cartridge, originals_allowed
from latentdx.book.figures import figure_html, new_figure
from latentdx.book.listening import Clip, Distances, row
from latentdx.book.tables import table_html

# librosa loads pooch, which looks for notebook widgets and would print its complaint into every chapter
warnings.filterwarnings("ignore", "IProgress not found")

__all__ = [
    "Clip",
    "Distances",
    "algorithm_grid",
    "algorithm_html",
    "cartridge",
    "figure_html",
    "new_figure",
    "originals_allowed",
    "row",
    "table_html",
]
