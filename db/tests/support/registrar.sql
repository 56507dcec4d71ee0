-- tap_registrar: an administrator's login, as an operator makes one.

\ir tap.sql
CREATE ROLE tap_registrar LOGIN IN ROLE audit_admin;
