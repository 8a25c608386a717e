-- The contact that represents a customer: not deleted before deleted, with a valid address before without, then the one
-- changed last, then the smallest id.
with contacts as (select * from {{ ref('stg_contacts') }}),

identities as (select * from {{ ref('int_identities') }}),

ranks as (
    select
        identities.customer_id,
        contacts.*,
        count(*) over (partition by identities.customer_id) as count_contacts,
        min(contacts.created_at) over (partition by identities.customer_id) as known_since_at,
        row_number() over (
            partition by identities.customer_id
            order by
                contacts.is_deleted asc,
                case when contacts.email is null then 1 else 0 end asc,
                contacts.updated_at desc,
                contacts.contact_id asc
        ) as rank_of_contact
    from contacts
    inner join identities on contacts.contact_id = identities.identifier and identities.identifier_type = 'crm_id'
)

select * from ranks
where rank_of_contact = 1
