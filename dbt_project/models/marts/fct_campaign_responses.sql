-- depends_on: {{ ref('int_customers_changed') }}
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='customer_id',
    pre_hook="{{ require_all_customers(ref('int_run_inputs')) }}"
) }}

with people as (select * from {{ ref('int_changed_identifiers') }}),

members as (select * from {{ ref('stg_campaign_members') }}),

campaigns as (select * from {{ ref('stg_campaigns') }}),

redemptions as (select * from {{ ref('stg_redemptions') }}),

orders as (
    select orders.*
    from {{ ref('fct_orders') }} as orders
    left semi join {{ ref('int_customers_changed') }} as changed on orders.customer_id = changed.customer_id
),

recipients as (
    select
        campaigns.campaign_id,
        people.customer_id,
        campaigns.starts_at,
        campaigns.ends_at,
        cast(count(*) as int) as count_memberships
    from members
    inner join people
        on members.reference_type = people.reference_type and members.customer_reference = people.customer_reference
    inner join campaigns on members.campaign_id = campaigns.campaign_id
    group by campaigns.campaign_id, people.customer_id, campaigns.starts_at, campaigns.ends_at
),

redeemed as (
    select
        redemptions.campaign_id,
        people.customer_id,
        count(*) as count_redemptions,
        min(redemptions.redeemed_at) as first_redeemed_at,
        max(redemptions.redeemed_at) as last_redeemed_at
    from redemptions
    inner join people
        on redemptions.reference_type = people.reference_type
            and redemptions.customer_reference = people.customer_reference
    group by redemptions.campaign_id, people.customer_id
),

purchases as (
    select
        recipients.campaign_id,
        recipients.customer_id,
        count(case when orders.is_order then 1 end) as count_orders,
        case
            when min(orders.currency) = max(orders.currency) then cast(sum(orders.net_amount) as decimal(18, 2))
        end as spend
    from recipients
    inner join orders
        on
            recipients.customer_id = orders.customer_id
            and recipients.starts_at <= orders.ordered_at
            and recipients.ends_at > orders.ordered_at
    group by recipients.campaign_id, recipients.customer_id
),

responses as (
    select
        recipients.campaign_id,
        recipients.customer_id,
        recipients.starts_at,
        recipients.ends_at,
        recipients.count_memberships,
        redeemed.count_redemptions is not null as is_redeemed,
        coalesce(redeemed.count_redemptions, 0) as count_redemptions,
        redeemed.first_redeemed_at,
        redeemed.last_redeemed_at,
        coalesce(purchases.count_orders, 0) as count_orders,
        case when purchases.customer_id is null then cast(0 as decimal(18, 2)) else purchases.spend end as spend
    from recipients
    left join redeemed
        on recipients.campaign_id = redeemed.campaign_id and recipients.customer_id = redeemed.customer_id
    left join purchases
        on recipients.campaign_id = purchases.campaign_id and recipients.customer_id = purchases.customer_id
)

select * from responses
