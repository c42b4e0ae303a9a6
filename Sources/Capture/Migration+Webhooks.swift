extension Migration {
  /// What instances share about webhooks: receivers, and how far each of them was told.
  static let webhooks = Migration(
    version: 3,
    body: [
      "CREATE SEQUENCE onhand.webhook_revisions",
      """
      CREATE TABLE onhand.webhook_endpoints (
        id text PRIMARY KEY,
        url text NOT NULL,
        view_name text NOT NULL,
        filter jsonb NOT NULL DEFAULT '{}',
        description text NOT NULL DEFAULT '',
        secret text NOT NULL,
        previous_secret text,
        previous_secret_until timestamptz,
        batch_max int NOT NULL DEFAULT 1,
        batch_ms int NOT NULL DEFAULT 0,
        coalesce_changes bool NOT NULL DEFAULT false,
        rate int,
        concurrency int NOT NULL DEFAULT 8,
        timeout_ms int NOT NULL DEFAULT 15000,
        template jsonb NOT NULL DEFAULT '{"kind": "standard"}',
        enabled bool NOT NULL DEFAULT true,
        disabled_reason text,
        replay_after text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        revision bigint NOT NULL DEFAULT nextval('onhand.webhook_revisions'))
      """,
      """
      COMMENT ON TABLE onhand.webhook_endpoints IS
      'Receivers of changes. Holds the secrets that deliveries are signed with: grant nobody the right to read it'
      """,
      """
      CREATE TABLE onhand.webhook_cursors (
        endpoint text PRIMARY KEY REFERENCES onhand.webhook_endpoints ON DELETE CASCADE,
        position text NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp())
      """,
      """
      COMMENT ON TABLE onhand.webhook_cursors IS
      'Everything up to the position is delivered, but for what webhook_exceptions and webhook_parked name'
      """,
      """
      CREATE TABLE onhand.webhook_exceptions (
        endpoint text NOT NULL REFERENCES onhand.webhook_endpoints ON DELETE CASCADE,
        key bytea NOT NULL,
        position text NOT NULL,
        PRIMARY KEY (endpoint, key))
      """,
      """
      COMMENT ON TABLE onhand.webhook_exceptions IS
      'Keys with something undelivered, each with its first undelivered position'
      """,
      """
      CREATE TABLE onhand.webhook_parked (
        number bigserial PRIMARY KEY,
        endpoint text NOT NULL REFERENCES onhand.webhook_endpoints ON DELETE CASCADE,
        webhook_id text NOT NULL,
        body text NOT NULL,
        failure text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        is_asked_for bool NOT NULL DEFAULT false)
      """,
      "CREATE INDEX ON onhand.webhook_parked (endpoint)",
      """
      COMMENT ON TABLE onhand.webhook_parked IS
      'Deliveries that failed for three days, kept to be asked for again'
      """,
      """
      CREATE TABLE onhand.webhook_attempts (
        number bigserial PRIMARY KEY,
        endpoint text NOT NULL REFERENCES onhand.webhook_endpoints ON DELETE CASCADE,
        detail json NOT NULL)
      """,
      "CREATE INDEX ON onhand.webhook_attempts (endpoint, number)",
      """
      CREATE TABLE onhand.webhook_health (
        endpoint text PRIMARY KEY REFERENCES onhand.webhook_endpoints ON DELETE CASCADE,
        detail json NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp())
      """,
    ])
}
