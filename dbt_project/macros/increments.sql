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
  Up to which change of each dataset, and to which as-of moment, gold has worked: literals by name, because a literal lets a scan
  skip old files. Two builds that ran into each other leave no progress behind: then nothing counts as seen.
-#}
{% macro seen_through() -%}
    {%- set columns = ['as_of', 'transactions_through', 'campaign_members_through', 'redemptions_through', 'products_through', 'campaigns_through'] -%}
    {%- set moments = [] -%}
    {%- for column in columns -%}
        {%- do moments.append("date_format(" ~ column ~ ", 'yyyy-MM-dd HH:mm:ss.SSSSSS')") -%}
    {%- endfor -%}
    {%- set progress = run_query('select ' ~ moments | join(', ') ~ ' from ' ~ previous_table('int_gold_progress')) if execute -%}
    {%- set seen = {} -%}
    {%- for column in columns -%}
        {%- set moment = progress.rows[0][loop.index0] if progress and progress.rows else '1970-01-01 00:00:00' -%}
        {%- do seen.update({column: "timestamp '" ~ moment ~ "'"}) -%}
    {%- endfor -%}
    {{ return(seen) }}
{%- endmacro %}

{#- True when all customers must be computed: asked for by --full-refresh, or an incremental table is missing. -#}
{% macro recompute_all() -%}
    {#- Parsing must see the refs of the incremental branch. -#}
    {%- set found = namespace(missing=false) -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- for name in ['int_gold_progress', 'int_identities_seen', 'int_customer_state', 'fct_orders', 'fct_campaign_responses'] -%}
            {%- if previous_table(name) is none -%}
                {%- set found.missing = true -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(execute and (flags.FULL_REFRESH or found.missing)) }}
{%- endmacro %}

{#-
  True in an increment that concerns less than a tenth of all customers. Asked once a run, when their lines are kept aside; what
  comes later asks lines_are_kept_aside, so that a task that is repeated does as it did before.
-#}
{% macro few_customers_changed() -%}
    {%- if not execute or recompute_all() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set counts = 'select (select count(*) from ' ~ previous_table('int_customers_changed') ~ '), (select count(*) from ' ~ previous_table('int_customer_state') ~ ')' -%}
    {%- set counted = run_query(counts).rows[0] -%}
    {{ return(counted[0] * 10 < counted[1]) }}
{%- endmacro %}

{% macro lines_are_kept_aside() -%}
    {%- set kept = previous_table('int_lines_kept_aside') -%}
    {{ return(execute and kept is not none and run_query('select count(*) from ' ~ kept).rows[0][0] > 0) }}
{%- endmacro %}

{#- Pre-hook of incremental models: a table built anew needs all customers in int_customers_changed, not those of the last increment. -#}
{% macro require_all_customers(run_inputs) -%}
    {%- if execute and not is_incremental() -%}
        {%- if not run_query('select is_full from ' ~ run_inputs).rows[0][0] -%}
            {{ exceptions.raise_compiler_error(this ~ " is built anew, but gold.int_customers_changed holds an increment. Run with --full-refresh and select +" ~ this.identifier ~ ".") }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
