import CLinux
import Glibc
import HTTPWire

/// A folder whose files are served, as they are at the time.
///
/// No spelling of a path leads out of it: a segment is a plain name or refused, and what a name leads
/// to, through whatever symbolic links, has to lie in the folder before it is opened.
struct WebFolder: Sendable {
  /// Without symbolic links.
  private let root: String

  /// Read as a whole, so this bounds what an answer takes.
  static let fileBytesMax = 16_777_216

  enum Found {
    case file(MediaType)
    /// A folder named without the slash at its end.
    case folder
    case tooLarge
    case nothing
  }

  /// Nil if there is no such folder.
  init?(_ path: String) {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    var status = stat()
    guard stat(resolved, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    root = String(cString: resolved)
  }

  /// Looks for what is at `path`, as a request spells it, and reads a file into `body`.
  func read(_ path: ByteView, into body: inout ByteBuffer) -> Found {
    guard let name = Self.name(path) else { return .nothing }
    guard let place = Place("\(root)/\(name)"), place.isBeneath(root) else { return .nothing }
    switch place.kind {
    case .folder: return .folder
    case .other: return .nothing
    case .file(let byteCount):
      guard byteCount <= Self.fileBytesMax, place.read(into: &body, upTo: Self.fileBytesMax) else {
        return .tooLarge
      }
      return .file(MediaType(fileName: name))
    }
  }

  /// The name of a file below the folder; nil if there is a segment that no file of a site has.
  private static func name(_ path: ByteView) -> String? {
    var names: [String] = []
    var rest = PathSegments(path)
    var segment = rest.next()
    while let current = segment {
      segment = rest.next()
      // A slash at the end: the page of a folder.
      if current.isEmpty, segment == nil {
        names.append("index.html")
      } else {
        guard let name = current.percentDecoded(.path), isPlain(name) else { return nil }
        names.append(name)
      }
    }
    return names.isEmpty ? nil : names.joined(separator: "/")
  }

  /// RFC 8615 has the one dotted name that is meant to be seen.
  private static func isPlain(_ name: String) -> Bool {
    guard !name.isEmpty, !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) else {
      return false
    }
    return !name.hasPrefix(".") || name == ".well-known"
  }
}

/// The owner of a place in the file system: found, and opened only to be read.
private struct Place: ~Copyable {
  enum Kind {
    case file(byteCount: Int)
    case folder, other
  }

  private let descriptor: Int32
  let kind: Kind

  /// Nil if there is nothing at `path`.
  init?(_ path: String) {
    let found = open(path, Int32(CLINUX_PLACE_ONLY) | O_CLOEXEC)
    guard found >= 0 else { return nil }
    descriptor = found
    var status = stat()
    guard fstat(found, &status) == 0 else {
      kind = .other
      return
    }
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file(byteCount: status.st_size)
      case S_IFDIR: .folder
      default: .other
      }
  }

  deinit {
    close(descriptor)
  }

  /// Where the kernel keeps this place, behind all symbolic links (proc(5)).
  private var link: String { "/proc/self/fd/\(descriptor)" }

  func isBeneath(_ root: String) -> Bool {
    let prefix = root == "/" ? "/" : root + "/"
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { target in
      guard let base = target.baseAddress else { return false }
      let count = readlink(link, base, target.count)
      return count > 0
        && target[..<count].lazy.map { UInt8(bitPattern: $0) }.starts(with: prefix.utf8)
    }
  }

  /// False if there is more than `bytesMax`, or it can't be read to its end.
  func read(into body: inout ByteBuffer, upTo bytesMax: Int) -> Bool {
    let file = open(link, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    while body.count <= bytesMax {
      var count = 0
      body.append(upTo: Self.stepBytes) { free in
        count = Glibc.read(file, free.baseAddress, free.count)
        return max(0, count)
      }
      if count <= 0 { return count == 0 }
    }
    return false
  }

  private static let stepBytes = 65_536
}
