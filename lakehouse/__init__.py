"""The lakehouse package: everything the jobs, the DAGs and the command line share."""
