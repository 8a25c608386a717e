"""What was decided, sent and acknowledged: manifests, receipts and the ops tables, written and read."""
