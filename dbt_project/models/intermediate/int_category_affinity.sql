-- Weights decay from the customer's newest order, not from the as-of moment: all of a customer's weights fall alike as
-- time passes, so shares stay true without being computed again. Each term is rounded into a decimal, because a sum of
-- doubles depends on the order of its terms. What was returned after the newest order weighs as if on that day.
with lines as (select * from {{ ref('int_lines_to_recompute') }}),

people as (select * from {{ ref('int_changed_identifiers') }}),

products as (select * from {{ ref('stg_products') }}),

totals as (select * from {{ ref('int_purchase_totals') }}),

buyers as (
    select
        people.reference_type,
        people.customer_reference,
        people.customer_id,
        totals.last_order_at
    from people
    inner join totals on people.customer_id = totals.customer_id
),

purchases as (
    select
        lines.reference_type,
        lines.customer_reference,
        lines.occurred_at,
        cast(lines.net_amount as double) as net_amount,
        coalesce(products.category, 'UNKNOWN') as category
    from lines
    left join products on lines.product_id = products.product_id
    where lines.occurred_at < {{ as_of_literal() }}
),

weights as (
    select
        buyers.customer_id,
        purchases.category,
        sum(
            cast(round(
                purchases.net_amount
                * power(
                    2.0D,
                    -greatest(datediff(buyers.last_order_at, purchases.occurred_at), 0)
                    / cast({{ var('affinity_half_life_days') }} as double)
                ),
                6
            ) as decimal(20, 6))
        ) as weight
    from purchases
    inner join buyers
        on purchases.reference_type = buyers.reference_type and purchases.customer_reference = buyers.customer_reference
    group by buyers.customer_id, purchases.category
),

shares as (
    select
        customer_id,
        category,
        {{ share('weight', 'sum(weight) over (partition by customer_id)', units=1000000) }} as share
    from weights
    where weight > 0
),

ranks as (
    select
        customer_id,
        category,
        share,
        row_number() over (partition by customer_id order by share desc, category asc) as rank_of_category
    from shares
)

select
    {%- for position in [1, 2, 3] %}
    max(case when rank_of_category = {{ position }} then category end) as top_category_{{ position }},
    max(case when rank_of_category = {{ position }} then share end) as top_category_{{ position }}_share,
    {%- endfor %}
    customer_id
from ranks
where rank_of_category <= 3
group by customer_id
