"""The expectations that a spec's gates may name, and the arguments that each of them takes.

What belongs here: names and arguments of Great Expectations 1.24 as data, so that a spec is checked
where Great Expectations is not installed; a test holds them against the installed one. What does
not: running them (`resources.expectations`), or the suites that are built in (`assets.gates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COMMON = frozenset(
    {
        *("batch_id", "catch_exceptions", "description", "id", "library_metadata", "meta"),
        *("notes", "rendered_content", "result_format", "severity", "windows"),
    }
)
"""Arguments that say nothing of the data: any expectation may have them."""

NEEDS_DATABASE = frozenset(
    {
        "expect_column_values_to_match_like_pattern",
        "expect_column_values_to_match_like_pattern_list",
        "expect_column_values_to_not_match_like_pattern",
        "expect_column_values_to_not_match_like_pattern_list",
        "expect_query_results_to_match_comparison",
        "expect_table_row_count_to_equal_other_table",
    }
)
"""Known to Great Expectations, but not for tables in memory, which are what a gate looks at."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of an expectation: those it must have, and all that say something of data."""

    required: tuple[str, ...]
    known: tuple[str, ...]


# An expectation a line, without its `expect_`; `!` marks an argument that must be given.
_TABLE = """
column_distinct_values_to_be_in_set: column! value_set! $if
column_distinct_values_to_contain_set: column! value_set! $if
column_distinct_values_to_equal_set: column! value_set! $if
column_kl_divergence_to_be_less_than: column! partition_object threshold $divergence $if
column_max_to_be_between: column! $limits $if
column_mean_to_be_between: column! $limits $if
column_median_to_be_between: column! $limits $if
column_min_to_be_between: column! $limits $if
column_most_common_value_to_be_in_set: column! value_set! ties_okay $if
column_pair_values_a_to_be_greater_than_b: column_A! column_B! mostly or_equal ignore_row_if $if
column_pair_values_to_be_equal: column_A! column_B! mostly ignore_row_if $if
column_pair_values_to_be_in_set: column_A! column_B! value_pairs_set! mostly ignore_row_if $if
column_proportion_of_non_null_values_to_be_between: column! $limits $if
column_proportion_of_unique_values_to_be_between: column! $limits $if
column_quantile_values_to_be_between: column! quantile_ranges! allow_relative_error $if
column_stdev_to_be_between: column! $limits $if
column_sum_to_be_between: column! $limits $if
column_to_exist: column! column_index
column_type_to_be: column! type_!
column_unique_value_count_to_be_between: column! $limits $if
column_value_lengths_to_be_between: column! mostly $limits $if
column_value_lengths_to_equal: column! value! mostly $if
column_value_z_scores_to_be_less_than: column! threshold! double_sided! mostly $if
column_values_to_be_between: column! mostly $limits $if
column_values_to_be_dateutil_parseable: column! mostly $if
column_values_to_be_decreasing: column! mostly strictly $if
column_values_to_be_in_set: column! value_set! mostly $if
column_values_to_be_in_type_list: column! mostly type_list $if
column_values_to_be_increasing: column! mostly strictly $if
column_values_to_be_json_parseable: column! mostly $if
column_values_to_be_null: column! mostly $if
column_values_to_be_of_type: column! type_! mostly $if
column_values_to_be_unique: column! mostly $if
column_values_to_match_json_schema: column! json_schema! mostly $if
column_values_to_match_regex: column! mostly regex $if
column_values_to_match_regex_list: column! regex_list! mostly match_on $if
column_values_to_match_strftime_format: column! strftime_format! mostly $if
column_values_to_not_be_in_set: column! value_set! mostly $if
column_values_to_not_be_null: column! mostly $if
column_values_to_not_be_outliers: column! mostly method multiplier $if
column_values_to_not_match_regex: column! regex! mostly $if
column_values_to_not_match_regex_list: column! regex_list! mostly $if
compound_columns_to_be_unique: column_list! mostly ignore_row_if $if
multicolumn_sum_to_equal: column_list! sum_total! mostly ignore_row_if $if
multicolumn_values_to_be_equal: column_list! mostly ignore_row_if $if
select_column_values_to_be_unique_within_record: column_list! mostly ignore_row_if $if
table_column_count_to_be_between: $bounds
table_column_count_to_equal: value!
table_columns_to_match_ordered_list: column_list
table_columns_to_match_set: column_set exact_match
table_row_count_to_be_between: $limits $if
table_row_count_to_equal: value! $if
"""
_SHORT = {
    "$limits": ("min_value", "max_value", "strict_min", "strict_max"),
    "$bounds": ("min_value", "max_value"),
    "$divergence": (
        *("internal_weight_holdout", "tail_weight_holdout", "bucketize_data"),
        *("min_value", "max_value"),
    ),
    # A condition is read in one of several languages, which its parser names.
    "$if": ("row_condition", "condition_parser"),
}


def _arguments(line: str) -> Arguments:
    words = [word for part in line.split() for word in _SHORT.get(part, (part,))]
    required = tuple(word.removesuffix("!") for word in words if word.endswith("!"))
    return Arguments(required, tuple(word.removesuffix("!") for word in words))


EXPECTATIONS: Mapping[str, Arguments] = {
    f"expect_{name}": _arguments(words)
    for name, _, words in (line.partition(":") for line in _TABLE.strip().splitlines())
}
"""What each expectation by its name takes."""
