"""Tables of costs and searches of `latentdx.display`, as the chapters show them."""

from latentdx.display import cost_tables, search_tables
from latentdx_book.chapters.presentation import shown

training_table = shown(cost_tables.training_cost_table, units_in_cells=True)
evaluation_table = shown(cost_tables.evaluation_cost_table, units_in_cells=True)
loop_table = shown(cost_tables.training_speed_table)
use_table = shown(cost_tables.inference_cost_table, units_in_cells=True)
search_table = shown(search_tables.search_table, units_in_cells=True)
search_distance_table = shown(search_tables.search_distance_table)
headroom_table = shown(search_tables.headroom_table)
