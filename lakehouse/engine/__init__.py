"""The engine as a server (sail or spark): started, supervised and stopped here. Its clients are in lakehouse.spark."""
