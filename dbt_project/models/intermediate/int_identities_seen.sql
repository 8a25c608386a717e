-- depends_on: {{ ref('fct_orders') }}
-- depends_on: {{ ref('int_customer_state') }}
-- depends_on: {{ ref('fct_campaign_responses') }}
{{ config(materialized='table') }}

select * from {{ ref('int_identities') }}
