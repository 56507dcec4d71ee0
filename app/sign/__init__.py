"""The signer, python -m app.sign: a process with a key of its own, which signs the heads of the tenants' trees."""
