"""The canonical datasets: what every source is mapped to. One contract each; the silver table has its name."""

from __future__ import annotations

from lakehouse.contracts.email_address import canonical_email_sql, is_address_sql
from lakehouse.contracts.model import Column, Contract, Pii, RowRule
from lakehouse.contracts.references import REFERENCE, REFERENCE_TYPES
from lakehouse.contracts.web_events import WEB_EVENTS

CONSENT_STATUSES = ("granted", "withdrawn", "bounced", "complained", "reinstated")

CONTACTS = Contract(
    dataset="contacts",
    version=1,
    grain="contact per CRM, latest version",
    meaning="Who the CRM knows: identifiers, name, address facts. Not yet one row per person: see identities.",
    key=("contact_id",),
    order_by=("updated_at",),
    event_time="updated_at",
    columns=(
        Column(
            "contact_id", "string", "Id of the contact in the CRM", required=True, ids_of="customers", pii=Pii.INDIRECT
        ),
        Column("email", "string", "E-mail address as received, trimmed", pii=Pii.DIRECT),
        Column(
            "email_normalised",
            "string",
            "The address in lower case; null when not deliverable",
            pii=Pii.DIRECT,
            derived_as=canonical_email_sql("email"),
        ),
        Column("phone", "string", "Phone number as received, trimmed", pii=Pii.DIRECT),
        Column("loyalty_id", "string", "Loyalty card number", pii=Pii.INDIRECT),
        Column("first_name", "string", "Given name", pii=Pii.DIRECT),
        Column("last_name", "string", "Family name", pii=Pii.DIRECT),
        Column("language", "string", "Language to write in, ISO 639-1", pattern="[a-z]{2}"),
        Column("country", "string", "Country of residence, ISO 3166-1 alpha-2", pattern="[A-Z]{2}"),
        Column("postal_code", "string", "Postal code", pii=Pii.INDIRECT),
        Column("age_band", "string", "Age band, e.g. 35-44", pii=Pii.INDIRECT),
        Column("income_band", "string", "Household income band", pii=Pii.INDIRECT),
        Column("household_size", "string", "Persons in the household, e.g. 2 or 5+", pii=Pii.INDIRECT),
        Column("kids_count", "string", "Children in the household, e.g. 0 or 3+", pii=Pii.INDIRECT),
        Column("created_at", "timestamp", "When the CRM created the contact", required=True),
        Column("updated_at", "timestamp", "When the CRM last changed the contact", required=True),
    ),
    rules=(RowRule("contacts.updated_before_created", "updated_at < created_at", "updated_at lies before created_at"),),
)

CONSENTS = Contract(
    dataset="consents",
    version=1,
    grain="customer reference, channel, purpose and change (full history)",
    meaning="Every change of permission to contact somebody; the newest decides, and none means no.",
    key=("reference_type", "customer_reference", "channel", "purpose", "changed_at", "status"),
    order_by=("changed_at",),
    event_time="changed_at",
    columns=(
        *REFERENCE,
        Column(
            "channel",
            "string",
            "Channel the permission is for",
            required=True,
            allowed=("email", "sms", "push", "post"),
        ),
        Column(
            "purpose",
            "string",
            "What the channel may be used for",
            required=True,
            allowed=("marketing", "transactional", "profiling"),
        ),
        Column(
            "status",
            "string",
            "granted, withdrawn (unsubscribe), bounced (hard), complained, or reinstated: somebody in charge lifted a"
            " bounce or complaint, which no grant does",
            required=True,
            allowed=CONSENT_STATUSES,
        ),
        Column(
            "changed_at",
            "timestamp",
            "When the permission changed; the earliest moment that the received time can mean",
            required=True,
        ),
        Column(
            "changed_until",
            "timestamp",
            "The last moment that the received time can mean: the end of a day, a minute or a second that was given"
            " without more, the later of two when clocks are set back. A refusal counts to it.",
            latest_reading_of="changed_at",
        ),
        Column("origin", "string", "Where the change was made, e.g. web form, store, bounce"),
    ),
    rules=(
        RowRule(
            "consents.customer_reference.address",
            f"reference_type = 'email' and not {is_address_sql('customer_reference')}",
            "customer_reference is not an e-mail address",
        ),
    ),
)

PRODUCTS = Contract(
    dataset="products",
    version=1,
    grain="product, latest version",
    meaning="What is sold.",
    key=("product_id",),
    order_by=("updated_at",),
    columns=(
        Column("product_id", "string", "Id of the product", required=True, ids_of="products"),
        Column("name", "string", "Name a customer would recognise"),
        Column("department", "string", "Top level of the assortment"),
        Column("category", "string", "Category within the department"),
        Column("brand", "string", "Brand or brand class"),
        Column("manufacturer_id", "string", "Id of the manufacturer"),
        Column("package_size", "string", "Package size as printed"),
        Column("updated_at", "timestamp", "When the shop last changed the product"),
    ),
)

TRANSACTIONS = Contract(
    dataset="transactions",
    version=1,
    grain="transaction line",
    meaning="What was bought: one line of one receipt.",
    key=("transaction_id", "line_number"),
    order_by=("updated_at",),
    event_time="occurred_at",
    columns=(
        Column("transaction_id", "string", "Id of the receipt", required=True, ids_of="orders"),
        Column("line_number", "int", "Position on the receipt, from 1", required=True, minimum="1"),
        Column("reference_type", "string", "What customer_reference is", allowed=REFERENCE_TYPES),
        Column(
            "customer_reference",
            "string",
            "CRM id, e-mail address (lower case) or loyalty id of the customer; null for a guest",
            ids_of="customers",
            pii=Pii.DIRECT,
        ),
        Column(
            "product_id",
            "string",
            "Product bought; null in a shop without products",
            ids_of="products",
            references="products.product_id",
        ),
        Column("quantity", "decimal(14,3)", "Units bought; negative for units that were returned", required=True),
        Column(
            "net_amount",
            "decimal(18,6)",
            "Amount paid for the line after discounts; negative when it was paid back",
            required=True,
        ),
        Column(
            "discount_amount",
            "decimal(18,6)",
            "Sum of all discounts on the line, as a positive amount; on a return of either sign",
        ),
        Column("currency", "string", "Currency of the amounts, ISO 4217", required=True, pattern="[A-Z]{3}"),
        Column("store_id", "string", "Store or web shop"),
        Column("occurred_at", "timestamp", "When it was bought", required=True),
        Column(
            "updated_at",
            "timestamp",
            "When the shop last changed the line; a correction is newer than the line it corrects",
        ),
    ),
    rules=(
        RowRule(
            "transactions.reference_type.missing",
            "customer_reference is not null and reference_type is null",
            "there is a customer_reference, but reference_type does not say what it is",
        ),
        RowRule(
            "transactions.discount_amount.sign",
            "discount_amount < 0 and net_amount >= 0 and quantity >= 0",
            "discount_amount is negative, but nothing was returned",
        ),
    ),
)

CAMPAIGNS = Contract(
    dataset="campaigns",
    version=1,
    grain="campaign",
    meaning="Past and planned campaigns of the CRM.",
    key=("campaign_id",),
    order_by=("updated_at",),
    columns=(
        Column("campaign_id", "string", "Id of the campaign", required=True, ids_of="campaigns"),
        Column("name", "string", "Name of the campaign"),
        Column("campaign_type", "string", "Kind of campaign, as the CRM calls it"),
        Column("starts_at", "timestamp", "First moment of the campaign", required=True),
        Column("ends_at", "timestamp", "Moment after the campaign's end", required=True),
        Column("updated_at", "timestamp", "When the CRM last changed the campaign"),
    ),
    rules=(
        RowRule("campaigns.ends_before_start", "ends_at <= starts_at", "the campaign ends before or when it starts"),
    ),
)

CAMPAIGN_MEMBERS = Contract(
    dataset="campaign_members",
    version=1,
    grain="campaign and customer reference",
    meaning="Who was a recipient of a campaign.",
    key=("campaign_id", "reference_type", "customer_reference"),
    columns=(
        Column(
            "campaign_id",
            "string",
            "The campaign",
            required=True,
            ids_of="campaigns",
            references="campaigns.campaign_id",
        ),
        *REFERENCE,
    ),
)

REDEMPTIONS = Contract(
    dataset="redemptions",
    version=1,
    grain="coupon redemption",
    meaning="A coupon of a campaign was redeemed.",
    key=("redemption_id",),
    event_time="redeemed_at",
    columns=(
        Column("redemption_id", "string", "Id of the redemption", required=True, ids_of="campaigns"),
        *REFERENCE,
        Column("coupon_id", "string", "The coupon", required=True),
        Column(
            "campaign_id",
            "string",
            "Campaign the coupon belongs to",
            required=True,
            ids_of="campaigns",
            references="campaigns.campaign_id",
        ),
        Column("redeemed_at", "timestamp", "When it was redeemed", required=True),
    ),
)

DATASETS: dict[str, Contract] = {
    c.dataset: c
    for c in (CONTACTS, CONSENTS, PRODUCTS, TRANSACTIONS, CAMPAIGNS, CAMPAIGN_MEMBERS, REDEMPTIONS, WEB_EVENTS)
}
