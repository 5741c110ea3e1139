"""CodeDeploy, whose deployments moto leaves `Created`: revisions, phases and shifts of traffic."""
