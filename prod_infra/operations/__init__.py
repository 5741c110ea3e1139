"""What watches over the environment."""
