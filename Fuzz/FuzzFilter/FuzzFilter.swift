import Engine
import FuzzSupport
import HTTPWire

// Whatever the query of a list says, its filters, order and selection are read without a fault. A filter that a view takes
// can be compiled and run, and names no key twice.

private let seeds = [
  "int4=eq.1", "text=in.(a,%22b,c%22,)&order=int8.desc.nullslast", "int4=not.is.null",
  "or=(int4.eq.1,not.and(text.like.a*,bool.is.true))", "numeric=gte.-1.5e3&numeric=lt.Infinity",
  "timestamptz=gt.2026-01-01T00:00:00Z", "date=eq.2026-02-29", "uuid=eq.00000000-0000-0000-0000-0",
  "enumeration=lt.high", "select=int4,x:text,*", "order=text.asc.nullsfirst,int4", "jsonb=is.null",
  "text=ilike.%25%C3%BC_%5C%5C", "and=(and(and(and(int4.is.null))))", "%22or%22=eq.1", "int4=eq.",
  "float8=eq.NaN", "bool=is.unknown", "bpchar=eq.a%20", "order=,", "select=", "not.or=()",
  "int4=in.(1,01,2)&text=eq.a", "or=(numeric.eq.1.0,numeric.in.(1.00,2))&float8=eq.-0",
  "or=(and(int4.eq.1,text.eq.a),and(int4.is.null,text.in.()))",
]

private let columns = ColumnType.allCases.map { type in
  Plan.View.Column(
    name: "\(type)", type: type, typeName: "\(type)",
    ordering: ColumnOrdering(
      isByBytes: type == .text, hasASCIICaseOnly: true,
      labels: type == .enumeration ? ["low", "high"] : []))
}
private let layout = RowLayout(columns.map(\.type))
/// One that spells its values in one way only, and one that does not.
private let keys = [["int4", "text"], ["numeric", "float8", "bpchar"]].map { names in
  names.map { name in columns.firstIndex { $0.name == name }! }
}

/// A row of NULLs, and one of the words and bytes that say least.
private nonisolated(unsafe) let rows: RowBatch = {
  let rows = RowBatch()
  for isNull in [true, false] {
    rows.beginRow(layout)
    for (slot, type) in zip(layout.slots, layout.types) {
      switch type.representation {
      case _ where isNull || type == .numeric || type == .uuid: rows.set(slot, .null)
      case .word: rows.set(slot, .word(1))
      case .bytes: rows.set(slot, .bytes(UnsafeRawBufferPointer(start: nil, count: 0)))
      }
    }
    rows.endRow(weight: 1)
  }
  return rows
}()

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  Seeds.writeIfAsked(seeds.map { Array($0.utf8) })
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let query = ByteView(UnsafeRawBufferPointer(start: start, count: count))
  var parser = FilterParser()
  let binder = FilterBinder(columns, caps: [3: 10])
  var filters: [Filter] = []
  for (name, value) in QueryFields(query) {
    guard let name = name.percentDecoded(.query), let value = value.percentDecoded(.query) else {
      continue
    }
    switch name {
    case "order": _ = try? OrderParser(columns, forbidden: [3]).parse(value)
    case "select": _ = try? Selection.parse(value, columns)
    default:
      guard let filter = try? parser.parse(name: name, value: value),
        let bound = try? binder.bind(filter)
      else { continue }
      filters.append(filter)
      let program = Program(filter: bound, outputs: [], layouts: [layout])
      for index in 0..<rows.count { _ = program.run(rows.row(index)) }
    }
  }
  for key in keys { probe(.all(filters), key) }
  return 0
}

private func probe(_ filter: Filter, _ key: [Int]) {
  guard let probe = KeyProbe(filter, columns: columns, key: key) else { return }
  precondition(probe.keys.count <= KeyProbe.keysMax, "too many keys")
  precondition(Set(probe.keys).count == probe.keys.count, "a key twice")
}
