{#-
  The moment that recency, rolling windows and segments look back from, as a timestamp literal, which scans skip files
  by. Orders, campaigns and redemptions at or after it do not count in profiles; consent always counts. Read while a
  model runs, never while the project is parsed; unit tests override this macro.
-#}
{% macro as_of_literal() -%}
    {%- if execute -%}
        {%- set moment = env_var('LAKEHOUSE_AS_OF', '') -%}
        {%- if not moment -%}
            {{ exceptions.raise_compiler_error(
                "LAKEHOUSE_AS_OF is not set."
                ~ " Set it to the moment profiles look back from, e.g. 2018-01-02T00:00:00Z (UTC)."
            ) }}
        {%- endif -%}
        {%- set iso_utc = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+]00:00)$' -%}
        {%- if not modules.re.match(iso_utc, moment) -%}
            {{ exceptions.raise_compiler_error(
                "LAKEHOUSE_AS_OF is '" ~ moment ~ "'. Write it in ISO 8601 and UTC, e.g. 2018-01-02T00:00:00Z."
            ) }}
        {%- endif -%}
    {%- else -%}
        {%- set moment = '1970-01-01T00:00:00Z' -%}
    {%- endif -%}
    to_timestamp('{{ moment }}')
{%- endmacro %}
