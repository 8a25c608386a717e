-- A whole build works on one state of the identities, whatever becomes of them meanwhile: the next build finds what moved.
{{ config(materialized='table') }}

select * from {{ ref('stg_identities') }}
