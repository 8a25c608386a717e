-- Deleted contacts stay, marked: their addresses must be suppressed, not forgotten.
select
    contact_id,
    email as email_received,
    email_normalised as email,
    phone,
    loyalty_id,
    first_name,
    last_name,
    language,
    country,
    postal_code,
    age_band,
    income_band,
    household_size,
    kids_count,
    created_at,
    updated_at,
    _is_deleted as is_deleted
from {{ source('silver', 'contacts') }}
