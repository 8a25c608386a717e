"""Contracts of silver tables that are computed rather than delivered: identities, identifiers of contacts,
quarantine."""

from __future__ import annotations

from lakehouse.contracts.model import Column, Contract, Pii

IDENTITIES = Contract(
    dataset="identities",
    version=1,
    grain="identifier",
    meaning="Every identifier of every person and the customer_id it resolves to; the way from a source row to a"
    " profile and back.",
    key=("identifier_type", "identifier"),
    columns=(
        Column("identifier_type", "string", "crm_id, email, loyalty_id or phone", required=True),
        Column(
            "identifier",
            "string",
            "The normalised identifier (e-mail and phone in their canonical form)",
            required=True,
            pii=Pii.DIRECT,
        ),
        Column(
            "customer_id",
            "string",
            "The person: an id that was issued once and stays, see ops.customer_ids",
            required=True,
            pii=Pii.INDIRECT,
        ),
        Column(
            "former_customer_ids",
            "array<string>",
            "Ids of people it belonged to before, e.g. until a merge; the last one first, null when there are none",
            pii=Pii.INDIRECT,
        ),
        Column(
            "rule",
            "string",
            "Why it belongs to the customer: root, same_contact, former_identifier, shared_identifier; "
            "or why it links nobody: too_widely_shared, placeholder, reference_only",
            required=True,
        ),
        Column("first_seen_at", "timestamp", "Earliest contact or event that mentions the identifier", required=True),
        Column("linked_at", "timestamp", "When the evidence for the link was first there", required=True),
        Column(
            "_group",
            "string",
            "The first of the identifiers that are resolved together: a change of one may change all of them",
            required=True,
            pii=Pii.DIRECT,
        ),
        Column("_updated_at", "timestamp", "When this table last changed the row", required=True),
    ),
)

CONTACT_IDENTIFIERS = Contract(
    dataset="contact_identifiers",
    version=1,
    grain="contact and address or loyalty id it has or ever had",
    meaning="A person who changes the address or the card keeps what was said with the former one: above all a"
    " refusal, and what was bought.",
    key=("contact_id", "identifier_type", "identifier"),
    columns=(
        Column("contact_id", "string", "Id of the contact in the CRM", required=True, pii=Pii.INDIRECT),
        Column("identifier_type", "string", "email or loyalty_id", required=True),
        Column("identifier", "string", "The address in lower case, or the loyalty id", required=True, pii=Pii.DIRECT),
    ),
)

MAIL_HOLDS = Contract(
    dataset="mail_holds",
    version=1,
    grain="rejected row and identifier recognised in it",
    meaning="Who must not be mailed until a rejected row is repaired or dismissed: it may be a refusal, or says that an"
    " address is old.",
    key=("_source_file", "_row_number", "identifier_type", "identifier"),
    columns=(
        Column("_source_file", "string", "Delivered file of the rejected row", required=True),
        Column("_row_number", "bigint", "Position in the file, from 1", required=True),
        Column(
            "identifier_type",
            "string",
            "crm_id, email or loyalty_id; unrecognised for a row in which nobody can be recognised",
            required=True,
        ),
        Column("identifier", "string", "The identifier; empty when nobody is recognised", pii=Pii.DIRECT),
        Column("reason", "string", "possible_refusal or address_out_of_date", required=True),
        Column("held_since_at", "timestamp", "When the row was rejected", required=True),
    ),
)

QUARANTINE = Contract(
    dataset="quarantine",
    version=1,
    grain="rejected row",
    meaning="Rows that broke their contract, as received, with every rule they broke.",
    key=("_source_file", "_row_number"),
    columns=(
        Column("_source", "string", "Source that delivered the row", required=True),
        Column("_source_file", "string", "Delivered file", required=True),
        Column("_row_number", "bigint", "Position in the file, from 1", required=True),
        Column("_batch_id", "string", "Run that loaded the row into bronze", required=True),
        Column("_ingested_at", "timestamp", "When bronze received the row", required=True),
        Column("_row_hash", "bigint", "xxhash64 of the row as received", required=True),
        Column("rule_ids", "array<string>", "All rules the row broke", required=True),
        Column("reason", "string", "The same in words", required=True),
        Column("row_json", "string", "The row as received, all columns, as JSON", required=True, pii=Pii.DIRECT),
        Column(
            "mapped_json",
            "string",
            "What the mapping made of the row, as text by column of the contract, as JSON",
            pii=Pii.DIRECT,
        ),
        Column("quarantined_at", "timestamp", "When it was rejected", required=True),
    ),
)
