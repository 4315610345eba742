"""Readers: one module a file format. Each turns files into what the rules work on, and knows nothing of rules."""
