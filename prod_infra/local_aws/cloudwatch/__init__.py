"""CloudWatch, whose alarms moto never evaluates."""
