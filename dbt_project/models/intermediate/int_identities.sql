-- A whole build works on one state of the identities, also when they change meanwhile: the next build finds
-- what moved.
{{ config(materialized='table') }}

select * from {{ ref('stg_identities') }}
