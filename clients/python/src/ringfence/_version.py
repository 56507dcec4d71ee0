"""The version of this package, for its metadata and for the User-Agent that the service sees."""

VERSION = "0.1.0"
