"""Programs that tests of the DAGs run in processes of their own; each prints one line of JSON last."""
