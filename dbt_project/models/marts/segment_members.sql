{%- set segments = [
    'bargain_hunters', 'big_baskets', 'campaign_responders', 'category_fans', 'coupon_lovers', 'lapsing_high_value',
    'loyal_champions', 'new_customers', 'no_purchase_yet', 'one_time_buyers', 'regulars', 'win_back'
] %}
{%- set segments = segments + configured_segments() %}
{{- require_every_segment(segments) }}
with customers as (select * from {{ ref('dim_customers') }}),

members as (
    {%- for segment in segments %}
    select
        '{{ segment }}' as segment,
        customer_id,
        detail
    from {{ ref('segment_' ~ segment) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    members.segment,
    members.customer_id,
    members.detail,
    customers.is_mailable,
    customers.as_of
from members
inner join customers on members.customer_id = customers.customer_id
-- Who was not there yet is in no audience of then.
where customers.known_since_at < customers.as_of
