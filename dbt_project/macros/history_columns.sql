{#-
  What customer_history keeps versions of: facts about the person, nothing that changes only because time passes or
  others buy.
-#}
{% macro history_columns() -%}
    {{ return([
        'contact_id', 'email', 'phone', 'first_name', 'last_name', 'language', 'country', 'postal_code', 'age_band',
        'income_band', 'household_size', 'kids_count', 'is_contact_deleted', 'email_consent_status', 'is_mailable',
        'preferred_store_id', 'top_category_1'
    ]) }}
{%- endmacro %}
