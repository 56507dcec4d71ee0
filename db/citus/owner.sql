-- What follows in this transaction is done as the owner of the tables and functions.
SET LOCAL ROLE audit_owner;
