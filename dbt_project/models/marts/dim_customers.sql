with customers as (
    select
        customer_id,
        min(first_seen_at) as first_seen_at
    from {{ ref('int_identities') }}
    group by customer_id
),

contacts as (select * from {{ ref('int_contact_of_customer') }}),

consent as (select * from {{ ref('int_email_consent') }}),

suppressions as (select * from {{ ref('suppressions') }}),

states as (select * from {{ ref('int_customer_state') }}),

recent as (select * from {{ ref('int_recent_orders') }}),

rfm as (select * from {{ ref('int_rfm') }}),

campaigns as (select * from {{ ref('int_campaign_history') }}),

behaviour as (select * from {{ ref('int_site_behaviour') }})

select
    customers.customer_id,
    contacts.contact_id,
    contacts.email,
    contacts.phone,
    contacts.first_name,
    contacts.last_name,
    contacts.language,
    contacts.country,
    contacts.postal_code,
    contacts.age_band,
    contacts.income_band,
    contacts.household_size,
    contacts.kids_count,
    cast(coalesce(contacts.count_contacts, 0) as int) as count_contacts,
    coalesce(contacts.is_deleted, false) as is_contact_deleted,
    coalesce(consent.status, 'unknown') as email_consent_status,
    consent.changed_at as email_consent_at,
    coalesce(
        contacts.email is not null
        and not contacts.is_deleted
        and consent.status = 'granted'
        and suppressions.address is null,
        false
    ) as is_mailable,
    states.first_order_at,
    states.last_order_at,
    coalesce(states.count_orders, 0) as count_orders,
    coalesce(states.count_returns, 0) as count_returns,
    case when states.customer_id is null then cast(0 as decimal(18, 2)) else states.total_spend end as total_spend,
    {{ average_amount('states.total_spend', 'states.count_orders') }} as average_order_value,
    states.currency,
    {{ whole_days('states.last_order_at', as_of_literal()) }} as recency_days,
    {%- for days in [30, 90, 365] %}
    coalesce(recent.count_orders_{{ days }}d, 0) as count_orders_{{ days }}d,
    case
        when states.customer_id is null or states.currency is not null
            then coalesce(recent.spend_{{ days }}d, cast(0 as decimal(18, 2)))
    end as spend_{{ days }}d,
    {%- endfor %}
    rfm.recency_score,
    rfm.frequency_score,
    rfm.monetary_score,
    coalesce(rfm.rfm_segment, 'no_orders') as rfm_segment,
    least(customers.first_seen_at, contacts.known_since_at, states.first_order_at) as known_since_at,
    case
        when least(contacts.known_since_at, states.first_order_at) <= {{ as_of_literal() }}
            then {{ whole_days('least(contacts.known_since_at, states.first_order_at)', as_of_literal()) }}
    end as tenure_days,
    states.preferred_store_id,
    states.preferred_weekday,
    states.preferred_hour,
    {%- for position in [1, 2, 3] %}
    states.top_category_{{ position }},
    states.top_category_{{ position }}_share,
    {%- endfor %}
    states.discount_sensitivity,
    coalesce(states.count_orders_discounted, 0) as count_orders_discounted,
    coalesce(campaigns.count_campaigns_received, 0) as count_campaigns_received,
    coalesce(campaigns.count_campaigns_redeemed, 0) as count_campaigns_redeemed,
    coalesce(campaigns.count_redemptions, 0) as count_redemptions,
    {{ share('campaigns.count_campaigns_redeemed', 'campaigns.count_campaigns_received') }} as campaign_response_rate,
    campaigns.last_campaign_at,
    campaigns.last_redeemed_at,
    behaviour.last_visit_at,
    coalesce(behaviour.count_visits_30d, 0) as count_visits_30d,
    {%- for position in [1, 2, 3] %}
    behaviour.viewed_category_{{ position }},
    {%- endfor %}
    {{ as_of_literal() }} as as_of
from customers
left join contacts on customers.customer_id = contacts.customer_id
left join consent on coalesce(contacts.email, concat('contact:', contacts.contact_id)) = consent.mailbox
left join suppressions on contacts.email = suppressions.address
left join states on customers.customer_id = states.customer_id
left join recent on customers.customer_id = recent.customer_id
left join rfm on customers.customer_id = rfm.customer_id
left join campaigns on customers.customer_id = campaigns.customer_id
left join behaviour on customers.customer_id = behaviour.customer_id
