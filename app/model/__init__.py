"""What every other room speaks: records, queries, credentials, refusals. Imports nothing of ours."""
