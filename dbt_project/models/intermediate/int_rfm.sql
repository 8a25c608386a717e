-- Fifths of all customers with an order; 5 is best. Who is equal has the same score: by recency that of the most
-- recent, else that of the lowest. Money compares with the same currency only. Of fewer than five there are no fifths.
{%- set fifths_of = 5 %}
with buyers as (
    select * from {{ ref('int_customer_state') }}
    where count_orders > 0
),

ranks as (
    select
        customer_id,
        currency,
        rank() over (order by last_order_at desc) - 1 as count_more_recent,
        rank() over (order by count_orders asc) - 1 as count_less_frequent,
        rank() over (partition by currency order by total_spend asc) - 1 as count_less_spend,
        count(*) over () as count_buyers,
        count(*) over (partition by currency) as count_of_currency
    from buyers
),

scores as (
    select
        customer_id,
        case when count_buyers >= {{ fifths_of }} then cast(5 - (5 * count_more_recent) div count_buyers as int) end
            as recency_score,
        case when count_buyers >= {{ fifths_of }} then cast(1 + (5 * count_less_frequent) div count_buyers as int) end
            as frequency_score,
        case
            when count_of_currency >= {{ fifths_of }} and currency is not null
                then cast(1 + (5 * count_less_spend) div count_of_currency as int)
        end as monetary_score
    from ranks
),

totals as (
    select
        *,
        frequency_score + coalesce(monetary_score, frequency_score) as frequency_and_monetary
    from scores
)

select
    customer_id,
    recency_score,
    frequency_score,
    monetary_score,
    case
        when recency_score is null then 'not_ranked'
        when recency_score >= 4 and frequency_and_monetary >= 8 then 'champions'
        when recency_score >= 3 and frequency_and_monetary >= 7 then 'loyal'
        when recency_score >= 4 and frequency_and_monetary >= 4 then 'potential_loyalists'
        when recency_score = 5 then 'recent'
        when recency_score = 4 then 'promising'
        when recency_score = 3 and frequency_and_monetary >= 4 then 'need_attention'
        when recency_score = 3 then 'about_to_sleep'
        when frequency_and_monetary >= 9 then 'cannot_lose'
        when frequency_and_monetary >= 6 then 'at_risk'
        when recency_score = 2 then 'hibernating'
        else 'lost'
    end as rfm_segment
from totals
