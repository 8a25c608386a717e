"""Who is who: identifiers seen together on a contact belong to one customer, whose customer_id is issued once.

`resolution` and `ledger` decide, from facts in memory; `neighbourhood` finds what has to be decided together; the
other modules ask the lake.
"""
