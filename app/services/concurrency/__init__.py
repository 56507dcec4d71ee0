"""How many do something at once, for how long, and in which order."""
