/// The tables and functions that holds are kept in and changed by, as SQL.
///
/// No index is unique but the keys: a session that inserts would wait for whoever has an equal row locked, and that may be a
/// shop's transaction. What must not be twice, the log decides.
struct HoldSchema {
  /// A column of the lines' key.
  struct KeyColumn {
    let name: String
    /// As `format_type` prints it; of the availability view's own, so that the view joins it as it is.
    let type: String
    /// Another collation than the type's, as SQL names it.
    var collation: String?

    fileprivate var definition: String {
      "\(PostgresConnection.quote(name)) \(type)\(collation.map { " COLLATE \($0)" } ?? "") NOT NULL"
    }
  }

  /// What is held is named by these; at least one.
  let key: [KeyColumn]

  /// Counts what this makes, so that `onhand init` knows what an older one has left out.
  static let version = 2

  /// What makes all of it.
  var statements: [String] { tables + indexes + functions + notes }

  /// What brings tables of version 1 here: without the mark of the undecided, and without the last two indexes.
  var upgrade: [String] {
    ["ALTER TABLE onhand.holds ADD COLUMN is_pending boolean NOT NULL DEFAULT false"]
      + newIndexes + functions + notes
  }

  private var functions: [String] {
    [Self.transition] + Self.actions.map(Self.wrapper)
      + Self.functionNames.map { "REVOKE ALL ON FUNCTION \($0) FROM PUBLIC" }
      + Self.actions.map { action in
        "COMMENT ON FUNCTION onhand.\(action.name)(uuid) IS "
          + PostgresConnection.quote(literal: action.meaning)
      }
  }

  /// What lets a role settle holds and not make them up.
  static func grants(to role: String) -> [String] {
    functionNames.dropFirst().map {
      "GRANT EXECUTE ON FUNCTION \($0) TO \(PostgresConnection.quote(role))"
    }
  }

  private static let functionNames =
    ["onhand.change_hold(uuid, text)"] + actions.map { "onhand.\($0.name)(uuid)" }

  private var tables: [String] {
    [
      """
      CREATE TABLE onhand.holds (
        id uuid PRIMARY KEY,
        status text NOT NULL DEFAULT 'held' CHECK (status IN
          ('held', 'confirmed', 'settled', 'released', 'expired', 'rejected')),
        caller text NOT NULL,
        reference text,
        idempotency_key text,
        request_digest text NOT NULL,
        units bigint NOT NULL,
        metadata jsonb,
        instance uuid NOT NULL,
        superseded_by uuid,
        is_pending boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at timestamptz NOT NULL,
        confirmed_at timestamptz,
        ended_at timestamptz)
      """,
      "ALTER TABLE onhand.holds REPLICA IDENTITY FULL",
      """
      CREATE TABLE onhand.hold_lines (
        hold_id uuid NOT NULL,
        line integer NOT NULL,
        \(key.map(\.definition).joined(separator: ",\n  ")),
        requested integer NOT NULL CHECK (requested > 0),
        quantity integer NOT NULL CHECK (quantity BETWEEN 0 AND requested),
        status text NOT NULL DEFAULT 'held',
        PRIMARY KEY (hold_id, line))
      """,
      "ALTER TABLE onhand.hold_lines REPLICA IDENTITY FULL",
    ]
  }

  private var notes: [String] {
    [
      "COMMENT ON TABLE onhand.holds IS '\(Self.note)'",
      "COMMENT ON COLUMN onhand.holds.is_pending IS 'Somebody has been told of it before it was decided'",
      "COMMENT ON TABLE onhand.hold_lines IS 'What each hold sets aside; status is the hold''s'",
    ]
  }

  private static let note = "Units set aside at checkout; version \(version)"

  /// The version that a comment on `onhand.holds` tells of.
  static func version(ofComment comment: String) -> Int? {
    comment.split(separator: " ").last.flatMap { Int($0) }
  }

  private var indexes: [String] {
    [
      "CREATE INDEX holds_reference ON onhand.holds (caller, reference) WHERE reference IS NOT NULL",
      """
      CREATE INDEX holds_idempotency_key ON onhand.holds (caller, idempotency_key)
      WHERE idempotency_key IS NOT NULL
      """,
      "CREATE INDEX holds_expiry ON onhand.holds (expires_at) WHERE status = 'held'",
      "CREATE INDEX holds_end ON onhand.holds (ended_at) WHERE ended_at IS NOT NULL",
      "CREATE INDEX holds_superseded ON onhand.holds (superseded_by) WHERE superseded_by IS NOT NULL",
    ] + newIndexes
  }

  private var newIndexes: [String] {
    let names = key.map { PostgresConnection.quote($0.name) }.joined(separator: ", ")
    return [
      "CREATE INDEX holds_unsettled ON onhand.holds (confirmed_at) WHERE status = 'confirmed'",
      // Of those that count only: what has ended is kept for days, and nobody asks for it by its key.
      "CREATE INDEX hold_lines_key ON onhand.hold_lines (\(names)) WHERE status IN ('held', 'confirmed')",
    ]
  }

  /// Changes a hold for a shop, in the shop's transaction.
  ///
  /// SQLSTATE `OH404` if there is none, `OH410` if its time is over, `OH409` if another ending came first, `OH425` if it is
  /// not decided yet. Follows `HoldTransition` of the engine.
  private static let transition = """
    CREATE OR REPLACE FUNCTION onhand.change_hold(hold uuid, target text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
    DECLARE
      found onhand.holds;
      moment timestamptz;
    BEGIN
      SELECT * INTO found FROM onhand.holds WHERE id = hold FOR UPDATE;
      IF found.id IS NULL THEN
        RAISE EXCEPTION 'there is no hold %', hold USING ERRCODE = 'OH404';
      END IF;
      moment := clock_timestamp();
      IF found.status = target OR (found.status = 'settled' AND target = 'confirmed')
        OR (found.status IN ('expired', 'rejected') AND target = 'released') THEN
        RETURN found.status;
      ELSIF found.status = 'held' AND found.superseded_by IS NOT NULL THEN
        -- Not by which: that one may not be decided yet.
        RAISE EXCEPTION 'hold % is replaced by another', hold USING ERRCODE = 'OH409';
      ELSIF found.status = 'expired' OR (found.status = 'held' AND found.expires_at <= moment) THEN
        RAISE EXCEPTION 'hold % expired at %', hold, found.expires_at USING ERRCODE = 'OH410';
      ELSIF found.status = 'held' AND found.is_pending AND target <> 'released' THEN
        RAISE EXCEPTION 'hold % is not decided yet; ask for it and try again', hold
          USING ERRCODE = 'OH425';
      ELSIF found.status <> 'held' AND (found.status <> 'confirmed' OR target = 'confirmed') THEN
        RAISE EXCEPTION 'hold % is % since %', hold, found.status, found.ended_at
          USING ERRCODE = 'OH409';
      END IF;
      UPDATE onhand.holds SET status = target,
        confirmed_at = CASE WHEN target = 'released' THEN confirmed_at
          ELSE coalesce(confirmed_at, moment) END,
        ended_at = CASE WHEN target <> 'confirmed' THEN moment END
      WHERE id = hold;
      UPDATE onhand.hold_lines SET status = target WHERE hold_id = hold;
      RETURN target;
    END $$
    """

  private struct Action {
    let name: String
    let target: String
    let meaning: String
  }

  private static let actions = [
    Action(
      name: "confirm", target: "confirmed",
      meaning: "The hold is paid: its units stay held and it expires no more"),
    Action(
      name: "settle", target: "settled",
      meaning:
        "The stock itself moves in this transaction: the units go from held to gone in one commit"),
    Action(name: "release", target: "released", meaning: "The units are free again"),
  ]

  private static func wrapper(_ action: Action) -> String {
    """
    CREATE OR REPLACE FUNCTION onhand.\(action.name)(hold_id uuid) RETURNS text
    LANGUAGE sql SECURITY DEFINER SET search_path = ''
    AS 'SELECT onhand.change_hold(hold_id, ''\(action.target)'')'
    """
  }
}
