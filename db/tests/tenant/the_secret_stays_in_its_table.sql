-- Proves: no function but those that make, rotate and check them names the secrets of the proofs, the hashes of API keys and of view links
-- or the keys of spooled records, and these have them in the columns of a query alone. In a variable or parameter they would be a constant of a
-- plan, which SET debug_print_plan shows to any session.

BEGIN;
SELECT plan(19);

PREPARE naming (text) AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND p.prosrc ~* format('\m(%s)\M', $1) ORDER BY 1;
-- What could take them along without a word about them: a whole row of the table, or all of its columns.
PREPARE taking_rows AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND (p.prosrc ~* 'audit\.(proof_secrets|api_keys|view_links)(%|\[|\s*[;)])'
           OR p.prosrc ~* 'audit\.(proof_secrets|api_keys|view_links)' AND p.prosrc ~ '\m[a-z]\.\*')
    ORDER BY 1;
PREPARE reading (text) AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND p.prosrc ~* format('\m(FROM|JOIN|UPDATE|INTO|TABLE) audit\.%s\M', $1) ORDER BY 1;
-- A secret column in what a variable is made of: before INTO, in an assignment, a RETURN or a condition that is no query, or as an
-- argument of a function of ours.
PREPARE handing_on AS
    SELECT p.proname FROM pg_proc AS p
    CROSS JOIN (VALUES ('\m(inner_key|outer_key|secret_sha256|spool_inner_key|spool_outer_key|token_sha256)\M')) AS secret (columns)
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND (p.prosrc ~* ('\mRETURNING[^;]*' || secret.columns)
           OR p.prosrc ~* ('\mSELECT[^;]*' || secret.columns || '[^;]*\mINTO (STRICT )?v_')
           OR p.prosrc ~* (':=[^;]*' || secret.columns)
           OR p.prosrc ~* ('audit\.\w+\([^();]*' || secret.columns))
    ORDER BY 1;
\set proof 'inner_key|outer_key'
\set key 'secret_sha256|spool_inner_key|spool_outer_key'

SELECT results_eq(format('EXECUTE naming (%L)', :'proof'), ARRAY['rotate_proof_secret', 'tenant_proof']::name[],
    'the secrets of the proofs are named by the function that rotates and the one that makes proofs');
SELECT results_eq($$EXECUTE reading ('proof_secrets')$$,
    ARRAY['begin_epoch', 'enter_tenant', 'enter_tenant_to_keep', 'enter_tenant_to_sign', 'replay_audit_logs', 'rotate_proof_secret',
          'seal_records', 'sealing_lag', 'tenant_proof']::name[],
    'their table by those, and by those that ask which secret is in use');
SELECT results_eq(format('EXECUTE naming (%L)', :'key'), ARRAY['enter_tenant', 'replay_audit_logs', 'store_api_key']::name[],
    'what is kept of a key is named by the functions that issue it, enter with it, and replay what it signed');
SELECT results_eq($$EXECUTE reading ('api_keys')$$,
    ARRAY['describe_administration', 'describe_api_key', 'end_keys_of_user', 'enter_tenant', 'list_api_keys', 'offboarding', 'record_api_key_event',
          'record_view_link_event', 'replay_audit_logs', 'revoke_api_key', 'rotate_api_key', 'store_api_key']
        ::name[],
    'its table by those, and by those that describe, list, count and end keys, or record that');
SELECT results_eq(format('EXECUTE naming (%L)', 'token_sha256'), ARRAY['issue_view_link', 'open_view_link']::name[],
    'what is kept of a view link is named by the functions that issue and open it');
SELECT results_eq($$EXECUTE reading ('view_links')$$,
    ARRAY['end_keys_of_user', 'issue_view_link', 'list_view_links', 'offboarding', 'open_view_link', 'record_view_link_event',
          'revoke_view_link']::name[],
    'its table by those, and by those that list, count and end links, or record that');
SELECT is_empty('EXECUTE taking_rows', 'none takes whole rows of any');
SELECT is_empty('EXECUTE handing_on', 'none has one in a variable, or hands it to a function');
SELECT unalike((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.tenant_proof(text,text,text,text,text,text)'::regprocedure),
    '%DECLARE%', 'the one that makes proofs has no variable');
SELECT unalike((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.tenant_proof(text,text,text,text,text,text)'::regprocedure),
    '%INTO%', 'and takes nothing into one');
SELECT matches((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.rotate_proof_secret()'::regprocedure),
    'RETURNING s\.id INTO v_id', 'the one that rotates takes a number alone');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.proname IN ('issue_api_key', 'rotate_api_key', 'store_api_key', 'issue_view_link', 'open_view_link') AND p.pronamespace = 'audit'::regnamespace
        AND NOT (p.proretset AND p.prosrc ~ 'RETURN QUERY' AND p.prosrc !~* '\mv_(secret|new|key|token)\M')$$,
    'a new key or token comes from a query, and is in no variable');

-- Each made by hand, to see that it is noticed.
CREATE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_secret audit.proof_secrets%ROWTYPE;
BEGIN
    RETURN v_secret.inner_key;
END
$$;
SELECT results_eq(format('EXECUTE naming (%L)', :'proof'), ARRAY['rotate_proof_secret', 'tap_holds', 'tenant_proof']::name[],
    'another that names a key is noticed');
SELECT results_eq('EXECUTE taking_rows', ARRAY['tap_holds']::name[], 'and one that holds a row');
CREATE OR REPLACE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT s.* FROM audit.proof_secrets AS s)::text;
END
$$;
SELECT results_eq('EXECUTE taking_rows', ARRAY['tap_holds']::name[], 'or takes one');
SELECT results_eq($$EXECUTE reading ('proof_secrets')$$,
    ARRAY['begin_epoch', 'enter_tenant', 'enter_tenant_to_keep', 'enter_tenant_to_sign', 'replay_audit_logs', 'rotate_proof_secret',
          'seal_records', 'sealing_lag', 'tap_holds', 'tenant_proof']::name[],
    'or reads the table at all');
CREATE OR REPLACE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_hash text;
BEGIN
    SELECT k.secret_sha256 INTO v_hash FROM audit.api_keys AS k;
    RETURN v_hash;
END
$$;
SELECT results_eq('EXECUTE handing_on', ARRAY['tap_holds']::name[], 'or takes a hash into a variable');
CREATE OR REPLACE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT audit.new_hmac(k.spool_inner_key, 'x') FROM audit.api_keys AS k);
END
$$;
SELECT results_eq('EXECUTE handing_on', ARRAY['tap_holds']::name[], 'or hands one to a function');
SELECT results_eq(format('EXECUTE naming (%L)', :'key'), ARRAY['enter_tenant', 'replay_audit_logs', 'store_api_key', 'tap_holds']::name[],
    'or names one');

SELECT * FROM finish();
ROLLBACK;
