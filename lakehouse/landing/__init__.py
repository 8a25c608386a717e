"""Rows -> landed files, exactly once: the files, the ledger of what was delivered, and how far incremental loads have
read."""
