"""What the notebooks call to show things: listening rows, figures, algorithms, tables."""

from latentdx.book.algorithms import algorithm_grid, algorithm_html
from latentdx.book.figures import figure_html, new_figure
from latentdx.book.listening import Clip, row
from latentdx.book.tables import table_html

__all__ = ["Clip", "algorithm_grid", "algorithm_html", "figure_html", "new_figure", "row", "table_html"]
