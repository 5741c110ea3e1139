"""What the runbooks are put together from: steps and questions about one thing of AWS."""
