"""What others would build instead, on the same table under the same policies, with the same durability."""
