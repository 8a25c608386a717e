{% snapshot customer_versions %}
    {{ config(
        unique_key='customer_id',
        strategy='as_of',
        check_cols=['_facts_hash'],
        hard_deletes='invalidate',
        snapshot_meta_column_names={
            'dbt_valid_from': 'valid_from',
            'dbt_valid_to': 'valid_to',
            'dbt_scd_id': '_version_id',
            'dbt_updated_at': '_updated_at'
        }
    ) }}

    select
        customer_id,
        {{ history_columns() | join(', ') }},
        -- One column to compare instead of all: the comparison is written out many times in the statement dbt makes of it.
        md5(concat_ws('|'
        {%- for column in history_columns() -%}
            , coalesce(cast({{ column }} as string), '~')
        {%- endfor -%}
        )) as _facts_hash
    from {{ ref('dim_customers') }}
{% endsnapshot %}
