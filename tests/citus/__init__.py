"""Tests of Ringfence on Citus. They need its programs: `--citus /path/to/bin`."""
