with responses as (select * from {{ ref('fct_campaign_responses') }})

select
    responses.customer_id,
    count(*) as count_campaigns_received,
    count(case when responses.first_redeemed_at < {{ as_of_literal() }} then 1 end) as count_campaigns_redeemed,
    sum(case when responses.first_redeemed_at < {{ as_of_literal() }} then responses.count_redemptions else 0 end) as count_redemptions,
    max(case when responses.last_redeemed_at < {{ as_of_literal() }} then responses.last_redeemed_at end) as last_redeemed_at,
    max(responses.starts_at) as last_campaign_at
from responses
where responses.starts_at < {{ as_of_literal() }}
group by responses.customer_id
