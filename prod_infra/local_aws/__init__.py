"""An AWS on this machine: moto's server, and what moto lacks."""
