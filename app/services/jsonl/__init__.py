"""The store on one append-only file, for local work."""
