"""The gate: starts the policy pack, speaks the Analyzer protocol to it, and says what it found."""
