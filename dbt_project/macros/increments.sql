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
  Up to which change of a dataset (or which as-of moment) gold has worked, as a literal: a literal lets the scan skip old files.
  Two builds that ran into each other leave no progress behind: then nothing counts as seen.
-#}
{% macro seen_through(dataset) -%}
    {%- if execute -%}
        {%- set column = 'as_of' if dataset == 'as_of' else dataset ~ '_through' -%}
        {%- set progress = run_query("select date_format(" ~ column ~ ", 'yyyy-MM-dd HH:mm:ss.SSSSSS') from " ~ previous_table('int_gold_progress')) -%}
    {%- endif -%}
    {%- set moment = progress.rows[0][0] if progress and progress.rows else '1970-01-01 00:00:00' -%}
    timestamp '{{ moment }}'
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

{#- Pre-hook of incremental models: a table built anew needs all customers in int_customers_changed, not those of the last increment. -#}
{% macro require_all_customers(run_inputs) -%}
    {%- if execute and not is_incremental() -%}
        {%- if not run_query('select is_full from ' ~ run_inputs).rows[0][0] -%}
            {{ exceptions.raise_compiler_error(this ~ " is built anew, but gold.int_customers_changed holds an increment. Run with --full-refresh and select +" ~ this.identifier ~ ".") }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
