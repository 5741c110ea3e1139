"""Image repository, load balancer, service and its blue/green deployment."""
