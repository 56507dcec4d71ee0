-- Proves: no function but the one that makes proofs and the one that rotates names the keys of the secret, and the former has
-- them in the columns of a query alone. In a variable they would be a parameter of the next statement, and so a constant of
-- its plan, which SET debug_print_plan shows to any session.

BEGIN;
SELECT plan(10);

PREPARE naming AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND p.prosrc ~* 'inner_key|outer_key' ORDER BY 1;
-- What could take the keys along without a word about them: a whole row of the table, or all of its columns.
PREPARE taking_rows AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND (p.prosrc ~* 'audit\.proof_secrets(%|\[|\s*[;)])' OR p.prosrc ~* 'audit\.proof_secrets' AND p.prosrc ~ '\.\*')
    ORDER BY 1;
PREPARE reading AS
    SELECT p.proname FROM pg_proc AS p
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND p.prosrc ~* '\m(FROM|JOIN|UPDATE|INTO|TABLE) audit\.proof_secrets' ORDER BY 1;

SELECT results_eq('EXECUTE naming', ARRAY['rotate_proof_secret', 'tenant_proof']::name[],
    'the keys are named by the function that rotates and the one that makes proofs');
SELECT results_eq('EXECUTE reading', ARRAY['enter_tenant', 'replay_audit_logs', 'rotate_proof_secret', 'tenant_proof']::name[],
    'the table by those, and by those that ask which secret is in use');
SELECT is_empty('EXECUTE taking_rows', 'none takes whole rows of it');
SELECT unalike((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.tenant_proof(text,text,text,text,text)'::regprocedure),
    '%DECLARE%', 'the one that makes proofs has no variable');
SELECT unalike((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.tenant_proof(text,text,text,text,text)'::regprocedure),
    '%INTO%', 'and takes nothing into one');
SELECT matches((SELECT p.prosrc FROM pg_proc AS p WHERE p.oid = 'audit.rotate_proof_secret()'::regprocedure),
    'RETURNING s\.id INTO v_id', 'the one that rotates takes a number alone');

-- Each made by hand, to see that it is noticed.
CREATE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_secret audit.proof_secrets%ROWTYPE;
BEGIN
    RETURN v_secret.inner_key;
END
$$;
SELECT results_eq('EXECUTE naming', ARRAY['rotate_proof_secret', 'tap_holds', 'tenant_proof']::name[], 'another that names a key is noticed');
SELECT results_eq('EXECUTE taking_rows', ARRAY['tap_holds']::name[], 'and one that holds a row');
CREATE OR REPLACE FUNCTION public.tap_holds() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT s.* FROM audit.proof_secrets AS s)::text;
END
$$;
SELECT results_eq('EXECUTE taking_rows', ARRAY['tap_holds']::name[], 'or takes one');
SELECT results_eq('EXECUTE reading', ARRAY['enter_tenant', 'replay_audit_logs', 'rotate_proof_secret', 'tap_holds', 'tenant_proof']::name[],
    'or reads the table at all');

SELECT * FROM finish();
ROLLBACK;
