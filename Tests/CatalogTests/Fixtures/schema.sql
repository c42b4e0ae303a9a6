-- The database behind the recorded catalogs: small tables and one view for each shape of plan.
SET search_path = public;
CREATE TYPE movement_kind AS ENUM ('in', 'out');
CREATE TABLE products (id int PRIMARY KEY, sku text NOT NULL UNIQUE, name text NOT NULL, price numeric(10,2));
CREATE TABLE warehouses (id int PRIMARY KEY, name text NOT NULL, region text);
CREATE TABLE movements (
  id bigint PRIMARY KEY, product_id int NOT NULL, warehouse_id int NOT NULL, quantity int NOT NULL,
  unit_cost numeric, kind movement_kind, moved_on date, note text);
ALTER TABLE movements REPLICA IDENTITY FULL;
CREATE TABLE keyless (a int, b text);
CREATE UNLOGGED TABLE scratch (a int PRIMARY KEY);
CREATE TABLE parts (a int PRIMARY KEY) PARTITION BY LIST (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE spans (id int PRIMARY KEY, during int4range);
CREATE FUNCTION double_it(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
INSERT INTO products SELECT i, 's' || i, 'n' || i, i FROM generate_series(1, 20) i;
INSERT INTO warehouses SELECT i, 'w' || i, 'r' FROM generate_series(1, 5) i;
INSERT INTO movements SELECT i, 1, 1, 1, 1, 'in', '2024-01-01', '' FROM generate_series(1, 1000) i;
ANALYZE;

CREATE VIEW plain AS SELECT id, name, price * 2 AS doubled FROM products WHERE price > 9.99;
CREATE VIEW names_only AS SELECT name FROM products;
CREATE VIEW live_stock AS
  SELECT p.id AS product_id, p.name AS product, w.name AS warehouse, sum(m.quantity) AS on_hand, count(*) AS moves
  FROM movements m JOIN products p ON p.id = m.product_id JOIN warehouses w ON w.id = m.warehouse_id
  WHERE m.quantity <> 0 AND w.region = 'r'
  GROUP BY p.id, p.name, w.id, w.name;
CREATE VIEW low_stock AS SELECT product_id, warehouse, on_hand FROM live_stock WHERE on_hand < 10;
CREATE MATERIALIZED VIEW stock_by_product AS
  SELECT product_id, sum(on_hand) AS on_hand, min(on_hand) AS least FROM live_stock GROUP BY product_id;
CREATE VIEW mixed AS
  SELECT w.region, sum(m.quantity * p.price) AS worth
  FROM movements m JOIN products p ON p.id = m.product_id JOIN warehouses w ON w.id = m.warehouse_id
  GROUP BY w.region HAVING count(*) > 1;
CREATE VIEW kinds AS
  SELECT kind, count(*) FILTER (WHERE quantity > 0) AS ins, count(DISTINCT product_id) AS products,
    avg(quantity) AS mean, bool_and(quantity > 0) AS all_in, max(moved_on) AS last
  FROM movements WHERE kind IN ('in', 'out') AND moved_on >= date '2024-01-01' GROUP BY kind;
CREATE VIEW totals AS SELECT count(*) AS moves, sum(unit_cost) AS cost FROM movements;
CREATE VIEW everything AS SELECT id, name FROM products UNION ALL SELECT id, name FROM warehouses;
CREATE VIEW regions AS SELECT DISTINCT region FROM warehouses;
CREATE VIEW pairs AS
  WITH costly AS (SELECT id, sku FROM products WHERE price >= -1.50)
  SELECT a.sku AS one, b.sku AS other FROM costly a JOIN costly b ON a.id = b.id AND a.sku <> b.sku;
CREATE VIEW forms AS
  SELECT id, CASE region WHEN 'r' THEN 1 ELSE -7 END AS chosen, coalesce(region, 'none') AS known,
    nullif(name, '') AS named, greatest(id, 3) AS most, region IS DISTINCT FROM 'x y' AS differs,
    (id > 2) IS TRUE AS is_so, name LIKE 'w%(1)' AS is_like, id::numeric / 4 AS quarter
  FROM warehouses WHERE id IN (1, 2, -3) AND name NOT IN ('a b', 'c"d', '') AND region IS NOT NULL;
CREATE VIEW quoted AS SELECT q."a b", q."c""" FROM (SELECT id, name FROM warehouses) AS q ("a b", "c""");
CREATE VIEW renamed AS SELECT id AS before FROM products;
ALTER VIEW renamed RENAME COLUMN before TO after;

CREATE VIEW refuse_limit AS SELECT id FROM products ORDER BY id LIMIT 3;
CREATE VIEW refuse_window AS SELECT id, row_number() OVER () AS n FROM products;
CREATE VIEW every_product AS SELECT p.id, m.quantity FROM products p LEFT JOIN movements m ON m.product_id = p.id;
CREATE VIEW refuse_now AS SELECT id FROM movements WHERE moved_on > now();
CREATE VIEW refuse_today AS SELECT id FROM movements WHERE moved_on > CURRENT_DATE;
CREATE VIEW refuse_random AS SELECT id, random() AS r FROM products;
CREATE VIEW refuse_sublink AS SELECT id FROM products WHERE id IN (SELECT product_id FROM movements);
CREATE VIEW refuse_recursive AS
  WITH RECURSIVE t(n) AS (SELECT id FROM products UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t;
CREATE VIEW refuse_distinct_on AS SELECT DISTINCT ON (region) region, id FROM warehouses ORDER BY region, id;
CREATE VIEW refuse_except AS SELECT id FROM products EXCEPT SELECT id FROM warehouses;
CREATE VIEW refuse_rollup AS SELECT region, count(*) AS n FROM warehouses GROUP BY ROLLUP (region);
CREATE VIEW refuse_function AS SELECT double_it(id) AS d FROM products;
CREATE VIEW refuse_aggregate AS SELECT string_agg(name, ',') AS names FROM products;
CREATE VIEW text_order AS SELECT id, least(name, 'm') AS first FROM products WHERE name > 'm';
CREATE VIEW refuse_keyless AS SELECT a, b FROM keyless;
CREATE VIEW refuse_unlogged AS SELECT a FROM scratch;
CREATE VIEW refuse_partitioned AS SELECT a FROM parts;
CREATE VIEW refuse_type AS SELECT id, during FROM spans;
CREATE VIEW refuse_lateral AS SELECT p.id, x.n FROM products p, LATERAL (SELECT p.id + 1 AS n FROM warehouses) x;
CREATE VIEW refuse_set AS SELECT generate_series(1, id) AS n FROM products;
CREATE VIEW refuse_values AS SELECT v FROM (VALUES (1), (2)) AS t (v);
CREATE VIEW refuse_catalog AS SELECT relname FROM pg_class;
CREATE VIEW refuse_from AS SELECT 1 AS one;
CREATE VIEW loop_half AS SELECT id FROM products;
CREATE VIEW refuse_loop AS SELECT id FROM loop_half;
CREATE OR REPLACE VIEW loop_half AS SELECT id FROM refuse_loop;

CREATE VIEW left_of_groups AS
  SELECT p.id, p.name, coalesce(s.on_hand, 0) AS on_hand
  FROM products p LEFT JOIN (SELECT product_id, sum(quantity) AS on_hand FROM movements GROUP BY product_id) s
    ON s.product_id = p.id AND s.on_hand > 0 AND p.price > 1;
CREATE VIEW left_chain AS
  SELECT p.sku, a.on_hand, w.name AS place
  FROM products p LEFT JOIN stock_by_product a ON a.product_id = p.id LEFT JOIN warehouses w ON w.id = a.least
  WHERE a.on_hand IS NULL OR w.region = 'r';
CREATE VIEW left_of_many AS
  SELECT p.id AS product, m.id AS movement, m.quantity FROM products p LEFT JOIN movements m ON m.product_id = p.id;
CREATE VIEW right_using AS
  SELECT id, w.region, p.name FROM products p RIGHT JOIN warehouses w USING (id) WHERE p.price > 2 OR p.id IS NULL;
CREATE VIEW full_using AS SELECT id, p.sku, w.region FROM products p FULL JOIN warehouses w USING (id);
CREATE VIEW left_nested AS
  SELECT p.id, m.id AS movement, w.name FROM products p
    LEFT JOIN (movements m JOIN warehouses w ON w.id = m.warehouse_id) ON m.product_id = p.id
    JOIN warehouses h ON h.id = p.id;
