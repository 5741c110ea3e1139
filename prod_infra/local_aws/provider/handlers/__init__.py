"""The resource types that the local provider knows, one module an AWS service."""
