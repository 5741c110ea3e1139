"""CloudFront, of which moto keeps half: distributions, functions and managed policies."""
