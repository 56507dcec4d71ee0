-- Proves: the HMAC is that of RFC 4231, so that any library makes the same. Its keys here have at most a block.

BEGIN;
SELECT plan(7);

SELECT is(encode(audit.hmac_sha256(key, message), 'hex'), hmac, name) FROM (VALUES
    ('RFC 4231, case 1', decode(repeat('0b', 20), 'hex'), 'Hi There'::bytea,
     'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'),
    ('RFC 4231, case 2', 'Jefe'::bytea, 'what do ya want for nothing?'::bytea,
     '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'),
    ('RFC 4231, case 3', decode(repeat('aa', 20), 'hex'), decode(repeat('dd', 50), 'hex'),
     '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'),
    ('RFC 4231, case 4', decode('0102030405060708090a0b0c0d0e0f10111213141516171819', 'hex'), decode(repeat('cd', 50), 'hex'),
     '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b')) AS c (name, key, message, hmac);
SELECT isnt(audit.hmac_sha256('\x00', 'x'), audit.hmac_sha256('\x01', 'x'), 'another key gives another');
SELECT is(audit.hmac_sha256(NULL, 'x'), NULL, 'without a key there is none');
SELECT is(audit.hmac_sha256('x', NULL), NULL, 'and none of no message');

SELECT * FROM finish();
ROLLBACK;
