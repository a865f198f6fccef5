"""What a database is asked about what it holds: names, counts and ages, never a value. See `kinds/database.py`."""

from __future__ import annotations

from collections.abc import Iterable

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

SERVER = f"""
SELECT json_build_object(
  'databases', (SELECT coalesce(json_object_agg(datname, pg_tablespace_location(dattablespace)), '{{}}')
    FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')),
  'strays', (SELECT coalesce(json_agg(n.nspname || '.' || relname), '[]')
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'm', 'f') AND {_OURS}))
"""
"""The server's databases and where they lie; tables in the database `postgres`, which is for nobody's data."""


def holdings(dates: Iterable[str], digests: Iterable[str], minutes: int) -> str:
    """Return the SELECT that asks a database what it holds.

    `dates` and `digests` are `table.column` in the schema public: those that start a retention of `minutes`, and those
    that must hold keyed digests. Tables are counted where they and their columns are there: `query_to_xml` runs a
    SELECT that is made from the catalogue, so that a missing column is an answer and not an error.
    """
    ages = """format('SELECT count(*) AS n, count(*) FILTER (WHERE %1$I < now() - interval ''{0} minutes'') AS overdue,
      count(*) FILTER (WHERE %1$I > now() + interval ''1 day'') AS ahead, count(*) - count(%1$I) AS undated,
      coalesce(floor(extract(epoch FROM now() - min(%1$I)) / 86400), 0) AS oldest,
      count(*) FILTER (WHERE %1$I < now() - interval ''{1} minutes'') AS late FROM public.%2$I', attname, relname)"""
    shapes = """format('SELECT count(%1$I) AS n, count(*) FILTER (WHERE %1$I::text !~ ''^[0-9a-f]{{64}}$'') AS clear
      FROM public.%2$I', attname, relname)""".replace("{{", "{").replace("}}", "}")
    counted_ages = _counted(ages.format(minutes, minutes // 2), dates, "AND atttypid = 'timestamptz'::regtype")
    return _HOLDINGS.format(
        ages=counted_ages, shapes=_counted(shapes, digests), ours=_OURS, tables=_TABLES, grants=_GRANTS
    )


def _counted(select: str, columns: Iterable[str], condition: str = "") -> str:
    wanted = ", ".join(f"'{column}'" for column in columns) or "NULL"
    return f"""(SELECT coalesce(json_object_agg(relname || '.' || attname,
      query_to_xml({select}, false, true, '')::text), '{{}}') FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT attisdropped
      AND relname || '.' || attname IN ({wanted}) {condition})"""


_TABLES = f"""
SELECT (CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END) || relname AS name,
  coalesce(json_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attname)
    FILTER (WHERE attname IS NOT NULL), '[]') AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
WHERE relkind IN ('r', 'p', 'f', 'm', 'v') AND {_OURS} GROUP BY 1"""

_GRANTS = f"""
SELECT who || ' ' || what FROM (
  SELECT grantee::regrole::text AS who, grantee, owner, lower(privilege_type) || ' ' || thing
    || CASE WHEN is_grantable THEN ', and may pass it on' ELSE '' END AS what FROM (
    SELECT relname AS thing, relowner AS owner, (aclexplode(coalesce(relacl, acldefault('r', relowner)))).*
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'f', 'm', 'v') AND {_OURS}
    UNION ALL SELECT relname, relowner, (aclexplode(relacl)).*
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'S' AND {_OURS}
    UNION ALL SELECT relname || '.' || attname, relowner, (aclexplode(attacl)).*
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE {_OURS}
    UNION ALL SELECT 'schema ' || n.nspname, nspowner, (aclexplode(coalesce(nspacl, acldefault('n', nspowner)))).*
      FROM pg_namespace n WHERE {_OURS}
    UNION ALL SELECT 'database', datdba, (aclexplode(coalesce(datacl, acldefault('d', datdba)))).*
      FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'what will be made', defaclrole, (aclexplode(defaclacl)).* FROM pg_default_acl
    UNION ALL SELECT relname, 10::oid, 10::oid, relowner, 'own', false
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relowner <> 10 AND {_OURS}
    UNION ALL SELECT 'database', 10::oid, 10::oid, datdba, 'own', false
      FROM pg_database WHERE datname = current_database() AND datdba <> 10) AS given) AS told
WHERE grantee <> owner AND grantee <> 10"""
"""Whatever somebody else than the owner may do: tables, sequences, columns, schemas, the database. 10 is postgres."""

_HOLDINGS = """
SELECT json_build_object(
  'tables', (SELECT coalesce(json_object_agg(name, columns), '{{}}') FROM ({tables}) AS t),
  'programs', (SELECT coalesce(json_agg(DISTINCT proname), '[]')
    FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE {ours}),
  'elsewhere', (SELECT coalesce(json_agg(relname), '[]') FROM pg_class WHERE relkind IN ('r', 'i', 'm')
    AND reltablespace NOT IN (0, (SELECT oid FROM pg_tablespace WHERE spcname = 'pg_global'))),
  'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
  'grants', (SELECT coalesce(json_agg(DISTINCT g.line), '[]') FROM ({grants}) AS g(line)),
  'bound', (SELECT coalesce(json_agg(DISTINCT relname || '.' || attname), '[]')
    FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
    JOIN pg_attribute ON attrelid = c.oid AND attnum = ANY (conkey) WHERE contype = 'c' AND convalidated
    AND pg_get_constraintdef(pg_constraint.oid) = format('CHECK ((%I ~ ''^[0-9a-f]{{64}}$''::text))', attname)),
  'ages', {ages},
  'shapes', {shapes})
"""
