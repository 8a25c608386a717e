{#-
  What gold worked on last is remembered in gold.int_gold_progress. That table is written after everything that is built
  incrementally, and read by the models that come first: a ref() would make a circle, so it is looked up by name.
-#}
{% macro previous_table(name) -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(database=none, schema=target.schema, identifier=name)) }}
    {%- else -%}
        {{ return('gold.' ~ name) }}
    {%- endif -%}
{%- endmacro %}

{#-
  Up to which change of each dataset, and to which as-of moment, gold has worked: literals by name, because a literal
  lets a scan skip old files. Two builds that ran into each other leave no progress behind: then nothing counts as seen.
-#}
{% macro seen_through() -%}
    {%- set columns = [
        'as_of', 'transactions_through', 'campaign_members_through', 'redemptions_through', 'products_through',
        'campaigns_through'
    ] -%}
    {%- set moments = [] -%}
    {%- for column in columns -%}
        {%- do moments.append("date_format(" ~ column ~ ", 'yyyy-MM-dd HH:mm:ss.SSSSSS')") -%}
    {%- endfor -%}
    {%- set progress = run_query(
        'select ' ~ moments | join(', ') ~ ' from ' ~ previous_table('int_gold_progress')
    ) if execute -%}
    {%- set seen = {} -%}
    {%- for column in columns -%}
        {%- set moment = progress.rows[0][loop.index0] if progress and progress.rows else '1970-01-01 00:00:00' -%}
        {%- do seen.update({column: "timestamp '" ~ moment ~ "'"}) -%}
    {%- endfor -%}
    {{ return(seen) }}
{%- endmacro %}

{#-
  True when all customers must be computed: asked for by --full-refresh, an incremental table is missing, or the build
  before this one did not finish (it took its inputs, but left no progress with its id), so that some tables are of it
  and some are not. Asked once a build, when it takes its inputs; what comes later asks recomputes_all.
-#}
{% macro must_recompute_all() -%}
    {%- if not execute or flags.FULL_REFRESH -%}
        {{ return(execute) }}
    {%- endif -%}
    {%- for name in [
        'int_run_inputs', 'int_gold_progress', 'int_identities_seen', 'int_customer_state', 'fct_orders',
        'fct_campaign_responses'
    ] -%}
        {%- if previous_table(name) is none -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {%- set unfinished = (
        'select count(*) from ' ~ previous_table('int_run_inputs') ~ ' as begun'
        ~ ' left anti join ' ~ previous_table('int_gold_progress') ~ ' as finished'
        ~ ' on begun.build_id = finished.build_id'
    ) -%}
    {{ return(run_query(unfinished).rows[0][0] > 0) }}
{%- endmacro %}

{#- Whether this build computes all customers. Parsing must see the refs of the incremental branch. -#}
{% macro recomputes_all() -%}
    {{ return(execute and run_query('select is_full from ' ~ previous_table('int_run_inputs')).rows[0][0]) }}
{%- endmacro %}

{#- Incremental tables that keep rows of customers nobody recomputes, when all others are, with the column that names
    them. -#}
{% macro tables_to_clear() -%}
    {%- set found = [] -%}
    {%- set keys = {
        'fct_orders': 'buyer_id', 'int_customer_state': 'customer_id', 'fct_campaign_responses': 'customer_id'
    } -%}
    {%- for name, key in keys.items() if not flags.FULL_REFRESH -%}
        {%- if previous_table(name) is not none -%}
            {%- do found.append((previous_table(name), key)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#-
  True in an increment that concerns less than a tenth of all customers. Asked once a run, when their lines are cached;
  what comes later asks lines_are_cached, so that a task that is repeated does as it did before.
-#}
{% macro few_customers_changed() -%}
    {%- if not execute or recomputes_all() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set counts = (
        'select (select count(*) from ' ~ previous_table('int_customers_changed') ~ '),'
        ~ ' (select count(*) from ' ~ previous_table('int_customer_state') ~ ')'
    ) -%}
    {%- set counted = run_query(counts).rows[0] -%}
    {{ return(counted[0] * 10 < counted[1]) }}
{%- endmacro %}

{% macro lines_are_cached() -%}
    {%- set kept = previous_table('int_changed_lines_cache') -%}
    {{ return(execute and kept is not none and run_query('select count(*) from ' ~ kept).rows[0][0] > 0) }}
{%- endmacro %}

{#-
  Pre-hook of incremental models: a table that is created now needs all customers in int_customers_changed, not those
  of the last increment.
-#}
{% macro require_all_customers(run_inputs) -%}
    {%- if execute and not is_incremental() -%}
        {%- if not run_query('select is_full from ' ~ run_inputs).rows[0][0] -%}
            {{ exceptions.raise_compiler_error(
                this ~ " does not exist yet, but gold.int_customers_changed holds an increment."
                ~ " Run with --full-refresh and select +" ~ this.identifier ~ "."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
