from .algorithms import algorithm_grid as algorithm_grid
from .algorithms import algorithm_html as algorithm_html
from .downloads import cartridge as cartridge
from .downloads import originals_allowed as originals_allowed
from .figures import figure_html as figure_html
from .figures import new_figure as new_figure
from .figures import paper_style as paper_style
from .html import HTML as HTML
from .listening_rows import Clip as Clip
from .listening_rows import Distances as Distances
from .listening_rows import row as row
from .match_report import MatchReport as MatchReport
from .saving import save as save
from .tables import differences as differences
from .tables import parameter_table as parameter_table
from .tables import table_html as table_html
from .tables import three_views as three_views

__all__ = [
    "HTML",
    "Clip",
    "Distances",
    "MatchReport",
    "algorithm_grid",
    "algorithm_html",
    "cartridge",
    "differences",
    "figure_html",
    "new_figure",
    "originals_allowed",
    "paper_style",
    "parameter_table",
    "row",
    "save",
    "table_html",
    "three_views",
]
