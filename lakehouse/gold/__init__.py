"""Gold: everything that drives dbt, from what is out of date to one outcome per table."""
