"""What an account needs once, before the first deploy: a place for states, a key for their secrets, a role for CI."""
