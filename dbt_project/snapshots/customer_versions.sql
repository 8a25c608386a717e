{% snapshot customer_versions %}
    {{ config(
        unique_key='customer_id',
        strategy='as_of',
        check_cols=history_columns(),
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
        {{ history_columns() | join(', ') }}
    from {{ ref('dim_customers') }}
{% endsnapshot %}
