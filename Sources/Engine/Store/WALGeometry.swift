/// How the server lays out its log, which tells what an LSN inside a page header means.
///
/// `pg_current_wal_insert_lsn()` at a page boundary points behind the header of the page to come, while a
/// record that fills the page ends at the boundary: both mean the same.
package struct WALGeometry: Sendable, Equatable {
  package let pageBytes: UInt64
  package let segmentBytes: UInt64

  /// `sizeof(XLogPageHeaderData)`, aligned to 8 (`src/include/access/xlog_internal.h`).
  private static let shortHeaderBytes: UInt64 = 24
  /// The same of `XLogLongPageHeaderData`, on the first page of a segment.
  private static let longHeaderBytes: UInt64 = 40

  package init(pageBytes: UInt64 = 8192, segmentBytes: UInt64 = 16 << 20) {
    self.pageBytes = max(pageBytes, 1024)
    self.segmentBytes = max(segmentBytes, self.pageBytes)
  }

  /// `lsn`, or the page boundary before it if it lies in or just behind the page's header.
  package func boundary(_ lsn: LSN) -> LSN {
    let offset = lsn.value % pageBytes
    let header =
      lsn.value % segmentBytes < pageBytes ? Self.longHeaderBytes : Self.shortHeaderBytes
    return offset <= header ? LSN(lsn.value - offset) : lsn
  }
}
