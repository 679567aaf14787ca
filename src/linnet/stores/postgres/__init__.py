"""The truth: PostgreSQL. The only package that speaks psycopg."""
