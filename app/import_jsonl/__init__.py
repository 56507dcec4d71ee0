"""The command `python -m app.import_jsonl`: brings records from JSONL files into the database."""
