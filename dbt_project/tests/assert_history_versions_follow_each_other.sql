-- A version ends no earlier than it begins, and the next one begins no earlier than that.
with versions as (
    select
        customer_id,
        valid_from,
        valid_to,
        is_current,
        lead(valid_from)
            over (
                partition by customer_id
                order by valid_from asc, case when is_current then 1 else 0 end asc, valid_to asc
            )
            as next_from
    from {{ ref('customer_history') }}
)

select *
from versions
where
    valid_to < valid_from
    or next_from < valid_to
    or (is_current and (valid_to is not null or next_from is not null))
