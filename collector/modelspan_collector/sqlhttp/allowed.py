"""What a client may set and which formats it may name: exact names, each with the reason that it is harmless.

Everything else is refused, a new engine's new setting too, until someone has looked at it: in ClickHouse a setting can
write a file (`output_format_schema`, `input_format_record_errors_file_path`), reach the network
(`format_avro_schema_registry_url`) or run a program. No setting is let in by how its name begins, nor one whose name
speaks of a file, a path, a URL, a schema or a command; a test holds this table against the engine's own list.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS_BY_REASON: Mapping[str, str] = {
    "how values are spelt in an answer": """
        bool_false_representation bool_true_representation date_time_output_format extremes
        date_time_64_output_format_cut_trailing_zeros_align_to_groups_of_thousands
        format_csv_delimiter format_csv_null_representation format_tsv_null_representation
        format_custom_escaping_rule format_custom_field_delimiter format_custom_result_after_delimiter
        format_custom_result_before_delimiter format_custom_row_after_delimiter format_custom_row_before_delimiter
        format_custom_row_between_delimiter format_json_object_each_row_column_for_object_name
        output_format_always_write_decimal_point_in_float_and_decimal output_format_binary_encode_types_in_binary_format
        output_format_binary_write_json_as_string output_format_bson_string_as_string
        output_format_csv_crlf_end_of_line output_format_csv_serialize_tuple_into_separate_columns
        output_format_decimal_trailing_zeros output_format_float_precision output_format_json_array_of_rows
        output_format_json_escape_forward_slashes output_format_json_map_as_array_of_tuples
        output_format_json_named_tuples_as_objects output_format_json_pretty_print output_format_json_quote_64bit_floats
        output_format_json_quote_64bit_integers output_format_json_quote_decimals output_format_json_quote_denormals
        output_format_json_skip_null_value_in_named_tuples output_format_json_validate_utf8
        output_format_markdown_escape_special_characters output_format_msgpack_uuid_representation
        output_format_native_encode_types_in_binary_format output_format_native_write_json_as_string
        output_format_sql_insert_include_column_names output_format_sql_insert_quote_names
        output_format_sql_insert_table_name output_format_sql_insert_use_replace output_format_trim_fixed_string
        output_format_tsv_crlf_end_of_line output_format_values_escape_quote_with_quote output_format_write_statistics
        show_create_query_identifier_quoting_rule show_create_query_identifier_quoting_style
        show_table_uuid_in_table_create_query_if_not_nil""",
    "how a table is drawn for a person": """
        output_format_pretty_color output_format_pretty_display_footer_column_names
        output_format_pretty_display_footer_column_names_min_rows output_format_pretty_fallback_to_vertical
        output_format_pretty_grid_charset output_format_pretty_highlight_digit_groups
        output_format_pretty_highlight_trailing_spaces output_format_pretty_max_column_pad_width
        output_format_pretty_max_rows output_format_pretty_max_value_width
        output_format_pretty_max_value_width_apply_for_single_value output_format_pretty_multiline_fields
        output_format_pretty_named_tuples_as_json output_format_pretty_row_numbers
        output_format_pretty_single_large_number_tip_threshold output_format_pretty_use_nbsp_for_padding""",
    "how columns are laid out in a binary answer": """
        output_format_arrow_compression_method output_format_arrow_date_as_uint16
        output_format_arrow_fixed_string_as_fixed_byte_array output_format_arrow_low_cardinality_as_dictionary
        output_format_arrow_string_as_string output_format_arrow_unsupported_types_as_binary
        output_format_arrow_use_64_bit_indexes_for_dictionary output_format_arrow_use_signed_indexes_for_dictionary
        output_format_arrow_uuid_as_fixed_byte_array output_format_avro_codec output_format_avro_string_column_pattern
        output_format_orc_compression_method output_format_orc_string_as_string
        output_format_parquet_compliant_nested_types output_format_parquet_compression_method
        output_format_parquet_date_as_uint16 output_format_parquet_datetime_as_uint32
        output_format_parquet_enum_as_byte_array output_format_parquet_fixed_string_as_fixed_byte_array
        output_format_parquet_row_group_size output_format_parquet_row_group_size_bytes
        output_format_parquet_string_as_string output_format_parquet_unsupported_types_as_binary
        output_format_parquet_version""",
    "how rows that the client itself sends are read": """
        date_time_input_format format_binary_max_array_size format_binary_max_string_size
        format_csv_allow_double_quotes format_csv_allow_single_quotes input_format_arrow_allow_missing_columns
        input_format_arrow_case_insensitive_column_matching input_format_avro_null_as_default
        input_format_binary_decode_types_in_binary_format input_format_binary_read_json_as_string
        input_format_csv_allow_cr_end_of_line input_format_csv_allow_variable_number_of_columns
        input_format_csv_allow_whitespace_or_tab_as_delimiter input_format_csv_arrays_as_nested_csv
        input_format_csv_detect_header input_format_csv_empty_as_default input_format_csv_enum_as_number
        input_format_csv_missing_nullable_as_empty_string input_format_csv_skip_first_lines
        input_format_csv_skip_trailing_empty_lines input_format_csv_trim_whitespaces
        input_format_csv_use_default_on_bad_values input_format_custom_detect_header
        input_format_defaults_for_omitted_fields input_format_force_null_for_omitted_fields
        input_format_import_nested_json input_format_ipv4_default_on_conversion_error
        input_format_ipv6_default_on_conversion_error input_format_json_compact_allow_variable_number_of_columns
        input_format_json_defaults_for_missing_elements_in_named_tuple input_format_json_empty_as_default
        input_format_json_ignore_unknown_keys_in_named_tuple input_format_json_map_as_array_of_tuples
        input_format_json_named_tuples_as_objects input_format_json_read_arrays_as_strings
        input_format_json_read_bools_as_numbers input_format_json_read_bools_as_strings
        input_format_json_read_numbers_as_strings input_format_json_read_objects_as_strings
        input_format_json_throw_on_bad_escape_sequence input_format_json_validate_types_from_metadata
        input_format_native_allow_types_conversion input_format_native_decode_types_in_binary_format
        input_format_null_as_default input_format_orc_allow_missing_columns
        input_format_orc_case_insensitive_column_matching input_format_parquet_allow_missing_columns
        input_format_parquet_case_insensitive_column_matching input_format_protobuf_oneof_presence
        input_format_skip_unknown_fields input_format_tsv_allow_variable_number_of_columns
        input_format_tsv_crlf_end_of_line input_format_tsv_detect_header input_format_tsv_empty_as_default
        input_format_tsv_enum_as_number input_format_tsv_skip_first_lines input_format_tsv_skip_trailing_empty_lines
        input_format_values_accurate_types_of_literals input_format_values_deduce_templates_of_expressions
        input_format_with_names_use_header input_format_with_types_use_header""",
    "how many bad rows of the client's own are passed over, unrecorded": """
        input_format_allow_errors_num input_format_allow_errors_ratio""",
    "what an expression or a join means": """
        aggregate_functions_null_for_empty any_join_distinct_right_table_keys cast_ipv4_ipv6_default_on_conversion_error
        cast_keep_nullable cast_string_to_date_time_mode cast_string_to_dynamic_use_inference
        cast_string_to_variant_use_inference count_distinct_implementation date_time_overflow_behavior
        enable_unaligned_array_join final group_by_use_nulls join_any_take_last_row join_default_strictness
        join_use_nulls limit offset prefer_column_name_to_alias session_timezone totals_mode transform_null_in
        union_default_mode""",
    "which columns DESCRIBE shows": """
        describe_compact_output describe_include_subcolumns describe_include_virtual_columns""",
    "a type or the planner of queries on the database's own rows": """
        allow_experimental_analyzer allow_experimental_bfloat16_type allow_experimental_dynamic_type
        allow_experimental_json_type allow_experimental_nullable_tuple_type allow_experimental_time_time64_type
        allow_experimental_variant_type allow_suspicious_low_cardinality_types allow_suspicious_types_in_group_by
        allow_suspicious_types_in_order_by allow_suspicious_variant_types enable_analyzer enable_json_type
        enable_materialized_cte enable_time_time64_type""",
    "how the same rows are found, faster or slower": """
        group_by_two_level_threshold group_by_two_level_threshold_bytes join_algorithm max_block_size
        max_bytes_before_external_group_by max_bytes_before_external_sort optimize_aggregation_in_order
        optimize_functions_to_subcolumns optimize_move_to_prewhere optimize_read_in_order optimize_trivial_count_query
        optimize_use_projections preferred_block_size_bytes query_plan_enable_optimizations query_plan_filter_push_down
        query_plan_optimize_lazy_materialization use_skip_indexes use_skip_indexes_if_final""",
    "a limit of the client's own, beside the endpoint's": """
        group_by_overflow_mode join_overflow_mode max_bytes_to_read max_columns_to_read max_rows_in_distinct
        max_rows_in_join max_rows_to_group_by max_rows_to_read max_rows_to_sort max_subquery_depth read_overflow_mode
        result_overflow_mode timeout_overflow_mode""",
    "how rows that the client may insert become parts": """
        async_insert async_insert_busy_timeout_ms async_insert_max_data_size
        deduplicate_blocks_in_dependent_materialized_views default_table_engine flatten_nested insert_deduplicate
        insert_deduplication_token insert_null_as_default materialize_skip_indexes_on_insert
        materialize_ttl_after_modify max_insert_block_size max_partitions_per_insert_block min_insert_block_size_bytes
        min_insert_block_size_rows mutations_sync optimize_on_insert optimize_throw_if_noop parallel_view_processing
        wait_for_async_insert""",
}
SETTINGS = frozenset(name for names in SETTINGS_BY_REASON.values() for name in names.split())

CAPPED = frozenset(
    "max_execution_time max_result_rows max_result_bytes max_memory_usage max_threads max_insert_threads".split()  # noqa: SIM905
)
"""Limits of the endpoint, which a client may lower for itself."""

IGNORED = frozenset(
    """add_http_cors_header buffer_size cancel_http_readonly_queries_on_client_close client_protocol_version compress
    connect_timeout database database_replicated_enforce_synchronous_settings decompress default_format
    enable_http_compression http_connection_timeout http_headers_progress_interval_ms http_receive_timeout
    http_response_buffer_size http_send_timeout http_wait_end_of_query http_write_exception_in_output_format
    http_zlib_compression_level insert_distributed_one_random_shard
    insert_distributed_sync insert_quorum load_balancing log_comment log_queries log_query_threads
    max_network_bandwidth max_query_size network_compression_method network_zstd_compression_level password
    priority query query_id quota_key receive_timeout role select_sequential_consistency send_logs_level
    send_progress_in_http_headers send_timeout session_check session_id session_timeout stacktrace use_query_cache user
    wait_end_of_query workload""".split()  # noqa: SIM905
)
"""Parameters of the protocol itself, and settings that mean nothing to an embedded engine: never applied."""

TABLE_SETTINGS = frozenset(
    """allow_nullable_key enable_block_number_column enable_block_offset_column index_granularity
    index_granularity_bytes merge_with_ttl_timeout min_bytes_for_wide_part min_rows_for_wide_part
    non_replicated_deduplication_window replicated_deduplication_window ttl_only_drop_parts""".split()  # noqa: SIM905
)
"""What a writer may say of a table that it makes: how it keeps rows, never where."""

VALUES: Mapping[str, frozenset[str]] = {
    "count_distinct_implementation": frozenset(
        ("uniq", "uniqCombined", "uniqCombined64", "uniqHLL12", "uniqExact", "uniqTheta")
    ),
}
"""The values of a setting that is the name of a function."""

RESULT_FORMATS = frozenset(
    """Arrow ArrowStream Avro BSONEachRow Buffers CSV CSVWithNames CSVWithNamesAndTypes CustomSeparated
    CustomSeparatedWithNames CustomSeparatedWithNamesAndTypes GeoJSON Hash HiveText JSON JSONColumns
    JSONColumnsWithMetadata JSONCompact JSONCompactColumns JSONCompactEachRow JSONCompactEachRowWithNames
    JSONCompactEachRowWithNamesAndTypes JSONCompactEachRowWithProgress JSONCompactStrings JSONCompactStringsEachRow
    JSONCompactStringsEachRowWithNames JSONCompactStringsEachRowWithNamesAndTypes
    JSONCompactStringsEachRowWithProgress JSONEachRow JSONEachRowWithProgress JSONL JSONLines JSONObjectEachRow
    JSONStrings JSONStringsEachRow JSONStringsEachRowWithProgress LineAsString LineAsStringWithNames
    LineAsStringWithNamesAndTypes MD Markdown MsgPack NDJSON Native Npy Null ODBCDriver2 ORC Parquet Pretty
    PrettyCompact PrettyCompactMonoBlock PrettyCompactNoEscapes PrettyCompactNoEscapesMonoBlock PrettyJSONEachRow
    PrettyJSONLines PrettyMonoBlock PrettyNDJSON PrettyNoEscapes PrettyNoEscapesMonoBlock PrettySpace
    PrettySpaceMonoBlock PrettySpaceNoEscapes PrettySpaceNoEscapesMonoBlock Prometheus Raw RawBLOB RawWithNames
    RawWithNamesAndTypes RowBinary RowBinaryWithNames RowBinaryWithNamesAndTypes SQLInsert TSKV TSV TSVRaw
    TSVRawWithNames TSVRawWithNamesAndTypes TSVWithNames TSVWithNamesAndTypes TabSeparated TabSeparatedRaw
    TabSeparatedRawWithNames TabSeparatedRawWithNamesAndTypes TabSeparatedWithNames TabSeparatedWithNamesAndTypes
    Values Vertical XML""".split()  # noqa: SIM905
)
"""Formats of an answer that are its bytes alone. Protobuf and Cap'n Proto leave a file with their schema behind."""

INPUT_FORMATS = (RESULT_FORMATS - {"Null", "Hash", "Prometheus", "SQLInsert"}) | {
    "JSONAsObject",
    "JSONAsString",
    "One",
    "RowBinaryWithDefaults",
    "RowBinaryWithNamesAndTypesAndDefaults",
}
"""Formats of rows that a client sends."""
_RESULT_FORMATS = frozenset(map(str.lower, RESULT_FORMATS))
_INPUT_FORMATS = frozenset(map(str.lower, INPUT_FORMATS))


def may_answer(name: str) -> bool:
    """True for a format that an answer may have; the engine knows its formats in any case."""
    return name.lower() in _RESULT_FORMATS


def may_read(name: str) -> bool:
    """True for a format in which rows may come."""
    return name.lower() in _INPUT_FORMATS
