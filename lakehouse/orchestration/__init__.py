"""Running the DAGs: Airflow configured by environment, in one process (`lakehouse run`) or as a platform (`lakehouse
up`)."""
