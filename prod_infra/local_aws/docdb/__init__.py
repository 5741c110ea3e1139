"""Amazon DocumentDB, which moto refuses: clusters, failover, restores and their events."""
