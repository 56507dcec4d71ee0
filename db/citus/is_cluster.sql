-- Whether this is a node of a cluster that `make distribute` has made: a row, or none. Reads the catalogue, with or without the extension.
SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.proname = 'set_on_nodes' AND p.pronamespace = to_regnamespace('audit');
