-- A visit begins with an event that has none of the same customer in the half hour before it. The category of a product
-- that the shop knows is that of the shop, else the one that the page gave.
with events as (
    select * from {{ ref('stg_web_events') }}
    where occurred_at >= {{ as_of_literal() }} - interval 365 days and occurred_at < {{ as_of_literal() }}
),

identities as (select * from {{ ref('int_identities') }}),

products as (select * from {{ ref('stg_products') }}),

of_customers as (
    select
        identities.customer_id,
        events.occurred_at,
        events.product_id,
        events.category,
        events.occurred_at >= {{ as_of_literal() }} - interval 30 days as is_within_30d,
        lag(events.occurred_at) over (partition by identities.customer_id order by events.occurred_at) as previous_at
    from events
    inner join identities
        on events.reference_type = identities.identifier_type and events.customer_reference = identities.identifier
),

visits as (
    select
        customer_id,
        max(occurred_at) as last_visit_at,
        count(
            case
                when is_within_30d and (previous_at is null or occurred_at > previous_at + interval 30 minutes) then 1
            end
        ) as count_visits_30d
    from of_customers
    group by customer_id
),

views as (
    select
        of_customers.customer_id,
        coalesce(products.category, of_customers.category) as category,
        count(*) as count_views
    from of_customers
    left join products on of_customers.product_id = products.product_id
    where of_customers.is_within_30d and coalesce(products.category, of_customers.category) is not null
    group by of_customers.customer_id, coalesce(products.category, of_customers.category)
),

ranks as (
    select
        customer_id,
        category,
        row_number() over (partition by customer_id order by count_views desc, category asc) as rank_of_category
    from views
)

select
    visits.customer_id,
    {%- for position in [1, 2, 3] %}
    max(case when ranks.rank_of_category = {{ position }} then ranks.category end) as viewed_category_{{ position }},
    {%- endfor %}
    max(visits.last_visit_at) as last_visit_at,
    max(visits.count_visits_30d) as count_visits_30d
from visits
left join ranks on visits.customer_id = ranks.customer_id and ranks.rank_of_category <= 3
group by visits.customer_id
