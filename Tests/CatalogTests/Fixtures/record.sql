-- What compiling the views takes of the system catalogs, as one JSON document.
SET search_path = pg_catalog;
WITH rules AS (
  SELECT ev_class, ev_action::text AS action FROM pg_rewrite WHERE ev_type = '1'
    AND ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
), functions AS (
  SELECT DISTINCT (m.found)[2]::oid AS oid
  FROM rules, LATERAL regexp_matches(action, ':(funcid|opfuncid|aggfnoid) (\d+)', 'g') AS m (found)
), relations AS (
  SELECT c.* FROM pg_class c
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') OR oid = 'pg_class'::regclass
)
SELECT jsonb_pretty(jsonb_build_object(
  'serverMajor', current_setting('server_version_num')::int / 10000,
  'relations', (SELECT jsonb_agg(jsonb_build_object(
      'oid', c.oid::int, 'schema', c.relnamespace::regnamespace::text, 'name', c.relname, 'kind', c.relkind,
      'persistence', c.relpersistence, 'replicaIdentity', c.relreplident, 'estimatedRows', c.reltuples,
      'hasInheritors', EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid),
      'rule', (SELECT action FROM rules WHERE ev_class = c.oid),
      'primaryKey', (SELECT indkey::int2[] FROM pg_index WHERE indrelid = c.oid AND indisprimary),
      'uniqueKeys', (SELECT jsonb_agg(indkey::int2[] ORDER BY indisprimary DESC, indexrelid) FROM pg_index
        WHERE indrelid = c.oid AND indisunique),
      'columns', (SELECT jsonb_agg(jsonb_build_object(
          'attribute', attnum, 'name', attname, 'typeOID', atttypid::int,
          'typeName', format_type(atttypid, atttypmod), 'isNotNull', attnotnull) ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
          AND (c.relnamespace <> 'pg_catalog'::regnamespace OR attname = 'relname'))) ORDER BY c.oid)
    FROM relations c),
  'functions', (SELECT jsonb_agg(jsonb_build_object(
      'oid', p.oid::int, 'name', proname, 'internalName', CASE WHEN prolang = 12 THEN prosrc END,
      'isSystem', pronamespace = 'pg_catalog'::regnamespace, 'isVolatile', provolatile <> 'i') ORDER BY p.oid)
    FROM pg_proc p JOIN functions f ON f.oid = p.oid),
  'enums', (SELECT jsonb_agg(jsonb_build_object('type', enumtypid::int, 'oid', oid::int, 'label', enumlabel) ORDER BY oid)
    FROM pg_enum),
  'types', (SELECT jsonb_agg(jsonb_build_object('oid', oid::int, 'name', format_type(oid, NULL)) ORDER BY oid)
    FROM pg_type WHERE oid IN (16, 20, 21, 23, 25, 1082, 1184, 1700, 3904))));
