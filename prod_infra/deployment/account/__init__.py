"""A real account: which it must be, what it must have, what a plan would destroy and cost."""
