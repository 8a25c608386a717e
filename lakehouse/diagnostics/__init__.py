"""What is wrong or out of date, reported without changing anything: doctor, configuration check, table status."""
