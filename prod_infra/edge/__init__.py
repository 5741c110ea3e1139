"""Certificates, buckets and the CloudFront distribution."""
