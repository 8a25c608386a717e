-- depends_on: {{ ref('int_customers_changed') }}
-- Only in an increment of few customers; else empty, because reading silver twice is cheaper than writing most of it
-- once.
{{ config(materialized='table') }}

with lines as (select * from {{ ref('stg_transactions') }}),

people as (select * from {{ ref('int_changed_identifiers') }})

select lines.*
from lines
left semi join people
    on lines.reference_type = people.reference_type and lines.customer_reference = people.customer_reference
where {{ few_customers_changed() | string | lower }}
