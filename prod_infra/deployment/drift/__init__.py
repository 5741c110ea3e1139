"""What differs between AWS and the declared state, found without changing either."""
