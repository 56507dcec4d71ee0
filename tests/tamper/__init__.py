"""What a superuser can do to the records and their trees, and who catches it: see `make tamper`."""
