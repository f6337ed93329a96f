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
from .published_tables import published_table as published_table
from .published_tables import velocity_table as velocity_table
from .result_comparisons import compare_steps as compare_steps
from .result_comparisons import match_table as match_table
from .result_comparisons import notes_table as notes_table
from .result_comparisons import split_table as split_table
from .result_comparisons import steps_table as steps_table
from .result_figures import algorithm_figure as algorithm_figure
from .result_figures import match_figure as match_figure
from .result_figures import overview_figure as overview_figure
from .result_figures import parameter_skill as parameter_skill
from .result_figures import published_figure as published_figure
from .result_figures import samples_figure as samples_figure
from .result_figures import skill_figure as skill_figure
from .result_figures import skill_table as skill_table
from .result_tables import ablations_table as ablations_table
from .result_tables import label_table as label_table
from .result_tables import part_table as part_table
from .result_tables import provenance_table as provenance_table
from .result_tables import results_table as results_table
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
    "ablations_table",
    "algorithm_figure",
    "algorithm_grid",
    "algorithm_html",
    "cartridge",
    "compare_steps",
    "differences",
    "figure_html",
    "label_table",
    "match_figure",
    "match_table",
    "new_figure",
    "notes_table",
    "originals_allowed",
    "overview_figure",
    "paper_style",
    "parameter_skill",
    "parameter_table",
    "part_table",
    "provenance_table",
    "published_figure",
    "published_table",
    "results_table",
    "row",
    "samples_figure",
    "save",
    "skill_figure",
    "skill_table",
    "split_table",
    "steps_table",
    "table_html",
    "three_views",
    "velocity_table",
]
