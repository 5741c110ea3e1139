"""Amazon ECS, of whose services moto starts no task: the scheduler, task sets and the life of tasks."""
