-- Lets every role call pgTAP, in whichever schema it is installed: a test that acts as another role reports as that role.

SELECT nspname AS tap FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pgtap' \gset
GRANT USAGE ON SCHEMA :"tap" TO PUBLIC;
