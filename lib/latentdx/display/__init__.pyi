from .algorithms import algorithm_grid as algorithm_grid
from .algorithms import algorithm_html as algorithm_html
from .condition_tables import held_out_play_table as held_out_play_table
from .condition_tables import level_table as level_table
from .cost_tables import evaluation_cost_table as evaluation_cost_table
from .cost_tables import inference_cost_table as inference_cost_table
from .cost_tables import training_cost_table as training_cost_table
from .cost_tables import training_speed_table as training_speed_table
from .downloads import cartridge as cartridge
from .downloads import originals_allowed as originals_allowed
from .figures import DescribedFigure as DescribedFigure
from .figures import figure_html as figure_html
from .figures import new_figure as new_figure
from .figures import paper_style as paper_style
from .html import HTML as HTML
from .interpolation_figures import interpolation_gains_figure as interpolation_gains_figure
from .interpolation_figures import interpolation_steps_figure as interpolation_steps_figure
from .interpolation_tables import interpolation_changes_table as interpolation_changes_table
from .interpolation_tables import interpolation_examples_table as interpolation_examples_table
from .interpolation_tables import interpolation_features_table as interpolation_features_table
from .interpolation_tables import interpolation_silence_table as interpolation_silence_table
from .listener_agreement import listener_agreement_figure as listener_agreement_figure
from .listener_agreement import listener_agreement_table as listener_agreement_table
from .listening_rows import Clip as Clip
from .listening_rows import Distances as Distances
from .listening_rows import row as row
from .match_progress import level_course_figure as level_course_figure
from .match_progress import match_search_figure as match_search_figure
from .match_progress import match_stages_table as match_stages_table
from .match_report import MatchReport as MatchReport
from .morph_slider import morph_slider as morph_slider
from .published_tables import published_table as published_table
from .published_tables import published_velocity_table as published_velocity_table
from .result_comparisons import compare_steps as compare_steps
from .result_comparisons import match_comparison_table as match_comparison_table
from .result_comparisons import model_comparison_table as model_comparison_table
from .result_comparisons import notes_comparison_table as notes_comparison_table
from .result_comparisons import split_comparison_table as split_comparison_table
from .result_figures import match_curve_figure as match_curve_figure
from .result_figures import parameter_skill as parameter_skill
from .result_figures import parameter_skill_figure as parameter_skill_figure
from .result_figures import parameter_skill_table as parameter_skill_table
from .result_figures import published_figure as published_figure
from .result_figures import results_by_algorithm_figure as results_by_algorithm_figure
from .result_figures import results_figure as results_figure
from .result_figures import samples_curve_figure as samples_curve_figure
from .result_tables import ablations_table as ablations_table
from .result_tables import results_by_label_table as results_by_label_table
from .result_tables import results_on_part_table as results_on_part_table
from .result_tables import results_provenance_table as results_provenance_table
from .result_tables import results_table as results_table
from .saving import save as save
from .search_tables import headroom_table as headroom_table
from .search_tables import search_distance_table as search_distance_table
from .search_tables import search_table as search_table
from .tables import differences as differences
from .tables import parameter_table as parameter_table
from .tables import table_html as table_html
from .tables import three_views as three_views

__all__ = [
    "HTML",
    "Clip",
    "DescribedFigure",
    "Distances",
    "MatchReport",
    "ablations_table",
    "algorithm_grid",
    "algorithm_html",
    "cartridge",
    "compare_steps",
    "differences",
    "evaluation_cost_table",
    "figure_html",
    "headroom_table",
    "held_out_play_table",
    "inference_cost_table",
    "interpolation_changes_table",
    "interpolation_examples_table",
    "interpolation_features_table",
    "interpolation_gains_figure",
    "interpolation_silence_table",
    "interpolation_steps_figure",
    "level_course_figure",
    "level_table",
    "listener_agreement_figure",
    "listener_agreement_table",
    "match_comparison_table",
    "match_curve_figure",
    "match_search_figure",
    "match_stages_table",
    "model_comparison_table",
    "morph_slider",
    "new_figure",
    "notes_comparison_table",
    "originals_allowed",
    "paper_style",
    "parameter_skill",
    "parameter_skill_figure",
    "parameter_skill_table",
    "parameter_table",
    "published_figure",
    "published_table",
    "published_velocity_table",
    "results_by_algorithm_figure",
    "results_by_label_table",
    "results_figure",
    "results_on_part_table",
    "results_provenance_table",
    "results_table",
    "row",
    "samples_curve_figure",
    "save",
    "search_distance_table",
    "search_table",
    "split_comparison_table",
    "table_html",
    "three_views",
    "training_cost_table",
    "training_speed_table",
]
