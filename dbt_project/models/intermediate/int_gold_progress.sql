-- depends_on: {{ ref('int_identities_seen') }}
{{ config(materialized='table') }}

select * from {{ ref('int_run_inputs') }}
