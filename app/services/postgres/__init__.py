"""The store on PostgreSQL: the only room beside app/services/db.py that knows psycopg."""
