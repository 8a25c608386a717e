with responses as (select * from {{ ref('fct_campaign_responses') }}),

as_of_moment as (select * from {{ ref('int_as_of') }})

select
    responses.customer_id,
    count(*) as count_campaigns_received,
    count(case when responses.first_redeemed_at < as_of_moment.as_of then 1 end) as count_campaigns_redeemed,
    sum(case when responses.first_redeemed_at < as_of_moment.as_of then responses.count_redemptions else 0 end) as count_redemptions,
    max(case when responses.last_redeemed_at < as_of_moment.as_of then responses.last_redeemed_at end) as last_redeemed_at,
    max(responses.starts_at) as last_campaign_at
from responses
cross join as_of_moment
where responses.starts_at < as_of_moment.as_of
group by responses.customer_id
