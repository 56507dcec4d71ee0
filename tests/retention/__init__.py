"""Tests of what is kept, held, pruned and erased, on servers of their own."""
