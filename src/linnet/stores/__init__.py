"""The two stores: PostgreSQL holds the truth, Valkey what can be made from it again."""
