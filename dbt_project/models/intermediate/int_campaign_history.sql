-- What happened at the as-of moment or later does not count, not even of a campaign that counts.
with responses as (
    select * from {{ ref('fct_campaign_responses') }}
    where starts_at < {{ as_of_literal() }}
),

redemptions as (
    select * from {{ ref('stg_redemptions') }}
    where redeemed_at < {{ as_of_literal() }}
),

identities as (select * from {{ ref('int_identities') }}),

redeemed as (
    select
        redemptions.campaign_id,
        identities.customer_id,
        count(*) as count_redemptions,
        max(redemptions.redeemed_at) as last_redeemed_at
    from redemptions
    inner join identities
        on redemptions.reference_type = identities.identifier_type
            and redemptions.customer_reference = identities.identifier
    group by redemptions.campaign_id, identities.customer_id
)

select
    responses.customer_id,
    count(*) as count_campaigns_received,
    count(redeemed.campaign_id) as count_campaigns_redeemed,
    coalesce(sum(redeemed.count_redemptions), 0) as count_redemptions,
    max(redeemed.last_redeemed_at) as last_redeemed_at,
    max(responses.starts_at) as last_campaign_at
from responses
left join redeemed on responses.campaign_id = redeemed.campaign_id and responses.customer_id = redeemed.customer_id
group by responses.customer_id
