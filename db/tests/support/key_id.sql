-- pg_temp.id(): the public id of an API key, rf_<id>_<secret>.

CREATE FUNCTION pg_temp.id(p_key text) RETURNS text LANGUAGE sql AS $$ SELECT split_part(p_key, '_', 2) $$;
