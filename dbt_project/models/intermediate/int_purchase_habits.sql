-- Most orders wins; on a tie the choice with the newer order, then the smaller value.
{%- set habits = {'store_id': 'preferred_store_id', 'weekday': 'preferred_weekday', 'hour_of_day': 'preferred_hour'} %}
with orders as (
    select
        customer_id,
        ordered_at,
        store_id,
        -- Not weekday(): Sail 0.7.2 gives -1 for Sunday.
        (dayofweek(ordered_at) + 5) % 7 + 1 as weekday,
        hour(ordered_at) as hour_of_day
    from {{ ref('int_customer_orders') }}
    where is_order
)

{%- for choice, habit in habits.items() %},

{{ habit }}_counts as (
    select
        customer_id,
        {{ choice }},
        count(*) as count_orders,
        max(ordered_at) as last_order_at
    from orders
    group by customer_id, {{ choice }}
),

{{ habit }}_ranks as (
    select
        customer_id,
        {{ choice }} as {{ habit }},
        row_number()
            over (partition by customer_id order by count_orders desc, last_order_at desc, {{ choice }} asc)
            as rank_of_choice
    from {{ habit }}_counts
    where {{ choice }} is not null
)
{%- endfor %}

select
    preferred_weekday_ranks.customer_id,
    preferred_store_id_ranks.preferred_store_id,
    preferred_weekday_ranks.preferred_weekday,
    preferred_hour_ranks.preferred_hour
from preferred_weekday_ranks
inner join preferred_hour_ranks
    on preferred_weekday_ranks.customer_id = preferred_hour_ranks.customer_id
        and preferred_hour_ranks.rank_of_choice = 1
left join preferred_store_id_ranks
    on preferred_weekday_ranks.customer_id = preferred_store_id_ranks.customer_id
        and preferred_store_id_ranks.rank_of_choice = 1
where preferred_weekday_ranks.rank_of_choice = 1
