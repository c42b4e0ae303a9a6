-- What the benchmarks maintain: 1,000 items at 10 locations, and three views over their movements.
CREATE TABLE items (
  item_id       integer PRIMARY KEY,
  name          text NOT NULL,
  reorder_point integer NOT NULL
);
CREATE TABLE locations (
  location_id integer PRIMARY KEY,
  name        text NOT NULL,
  region      text NOT NULL
);
CREATE TABLE stock_movements (
  movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id     integer NOT NULL,
  location_id integer NOT NULL,
  kind        text NOT NULL,
  quantity    integer NOT NULL,
  moved_at    timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE stock_movements REPLICA IDENTITY FULL;

INSERT INTO items SELECT i, 'Item ' || i, 20 + i % 80 FROM generate_series(1, 1000) i;
INSERT INTO locations
  SELECT l, 'Location ' || l, 'Region ' || l % 3 FROM generate_series(1, 10) l;

-- Movements `first` to `last`, spread over all items and locations; the same arguments, the same rows.
CREATE FUNCTION move(first bigint, last bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO stock_movements (item_id, location_id, kind, quantity)
  SELECT 1 + n * 7919 % 1000, 1 + n * 104729 / 1000 % 10,
    CASE n % 3 WHEN 0 THEN 'receipt' WHEN 1 THEN 'sale' ELSE 'return' END, 1 + n % 5
  FROM generate_series(first, last) n
$$;

-- `count` movements in transactions of `size` rows.
CREATE PROCEDURE backlog(count bigint, size bigint) LANGUAGE plpgsql AS $$
BEGIN
  FOR n IN 0 .. count / size - 1 LOOP
    PERFORM public.move(n * size + 1, (n + 1) * size);
    COMMIT;
  END LOOP;
END
$$;

CREATE VIEW live_stock AS
SELECT i.item_id, l.location_id, i.name AS item, l.name AS location, l.region, i.reorder_point,
  SUM(CASE WHEN m.kind = 'sale' THEN -m.quantity ELSE m.quantity END) AS on_hand,
  MAX(m.moved_at) AS last_movement_at
FROM stock_movements m
JOIN items i ON i.item_id = m.item_id
JOIN locations l ON l.location_id = m.location_id
GROUP BY i.item_id, l.location_id, i.name, l.name, l.region, i.reorder_point;

CREATE VIEW low_stock_alerts AS
SELECT item_id, location_id, item, location, on_hand, reorder_point - on_hand AS units_short,
  CASE
    WHEN on_hand <= 0 THEN 'OUT_OF_STOCK'
    WHEN on_hand <= reorder_point * 0.25 THEN 'CRITICAL'
    WHEN on_hand <= reorder_point * 0.5 THEN 'LOW'
    ELSE 'WARNING'
  END AS severity
FROM live_stock
WHERE on_hand < reorder_point;

CREATE VIEW network_summary AS
SELECT item_id, item, COUNT(DISTINCT location_id) AS locations, SUM(on_hand) AS total_on_hand,
  MIN(on_hand) AS least_on_hand, MAX(on_hand) AS most_on_hand
FROM live_stock
GROUP BY item_id, item;

SELECT move(1, 10000);
