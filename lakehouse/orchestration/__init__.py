"""Running the DAGs: Airflow configured by environment, in one process (`lakehouse run`) or as servers with a UI
(`lakehouse up`)."""
