-- Quintiles over all customers with an order; 5 is best. Ties are broken by customer_id, so that every run agrees.
with states as (select * from {{ ref('int_customer_state') }}),

scores as (
    select
        customer_id,
        ntile(5) over (order by last_order_at asc, customer_id asc) as recency_score,
        ntile(5) over (order by count_orders asc, customer_id asc) as frequency_score,
        ntile(5) over (order by total_spend asc, customer_id asc) as monetary_score
    from states
)

select
    *,
    case
        when recency_score >= 4 and frequency_score + monetary_score >= 8 then 'champions'
        when recency_score >= 3 and frequency_score + monetary_score >= 7 then 'loyal'
        when recency_score >= 4 and frequency_score + monetary_score >= 4 then 'potential_loyalists'
        when recency_score = 5 then 'recent'
        when recency_score = 4 then 'promising'
        when recency_score = 3 and frequency_score + monetary_score >= 4 then 'need_attention'
        when recency_score = 3 then 'about_to_sleep'
        when frequency_score + monetary_score >= 9 then 'cannot_lose'
        when frequency_score + monetary_score >= 6 then 'at_risk'
        when recency_score = 2 then 'hibernating'
        else 'lost'
    end as rfm_segment
from scores
