-- Nobody is mailable at an address that is suppressed, or without a granted permission.
select
    customers.customer_id,
    suppressions.reason
from {{ ref('dim_customers') }} as customers
left join {{ ref('suppressions') }} as suppressions on customers.email = suppressions.address
where customers.is_mailable and (suppressions.address is not null or customers.email_consent_status <> 'granted')
