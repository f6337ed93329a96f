from .algorithms import algorithm_grid as algorithm_grid
from .algorithms import algorithm_html as algorithm_html
from .downloads import cartridge as cartridge
from .downloads import originals_allowed as originals_allowed
from .figures import figure_html as figure_html
from .figures import new_figure as new_figure
from .html import HTML as HTML
from .listening_rows import Clip as Clip
from .listening_rows import Distances as Distances
from .listening_rows import row as row
from .match_report import MatchReport as MatchReport
from .tables import table_html as table_html

__all__ = [
    "HTML",
    "Clip",
    "Distances",
    "MatchReport",
    "algorithm_grid",
    "algorithm_html",
    "cartridge",
    "figure_html",
    "new_figure",
    "originals_allowed",
    "row",
    "table_html",
]
