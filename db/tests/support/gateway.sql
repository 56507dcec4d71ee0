-- tap_gateway: a login that names its tenants, as an operator makes one for a gateway.

\ir tap.sql
CREATE ROLE tap_gateway LOGIN IN ROLE audit_trusted;
