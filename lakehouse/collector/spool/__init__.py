"""The spool: where accepted messages are, on the disk of this machine, while Kafka is away."""
