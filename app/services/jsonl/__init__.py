"""The store on one JSONL file, for a service without a database."""
