{#-
  Stops the build when a model of segments/ is not in the list: it would have no members, and nothing would report that.
-#}
{% macro require_every_segment(listed) -%}
    {%- if execute -%}
        {%- for model in graph.nodes.values() if model.resource_type == 'model' and 'segment' in model.tags -%}
            {%- set segment = model.name.removeprefix('segment_') -%}
            {%- if segment not in listed -%}
                {{ exceptions.raise_compiler_error(
                    "the segment of " ~ model.original_file_path ~ " would have no members. Add '" ~ segment
                    ~ "' to the list at the top of models/marts/segment_members.sql."
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
