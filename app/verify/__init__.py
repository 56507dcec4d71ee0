"""Check evidence offline: one file, ringfence_verify.py, that can be copied and imports nothing of ours."""
