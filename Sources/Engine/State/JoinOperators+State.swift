extension JoinOperator: StateKeeper {
  var isAtRest: Bool { output.isEmpty && inputs.allSatisfy(\.pending.isEmpty) }

  func writeState(to writer: inout StateWriter) throws {
    for input in inputs { try input.arrangement.writeState(to: &writer) }
  }

  func restoreState(from reader: inout StateReader) throws {
    for input in inputs { try input.arrangement.restoreState(from: &reader) }
  }
}

extension OuterJoinOperator: StateKeeper {
  var isAtRest: Bool {
    output.isEmpty && inputs.allSatisfy { $0.pending.isEmpty && $0.touched.isEmpty }
  }

  func writeState(to writer: inout StateWriter) throws {
    for input in inputs { try input.arrangement.writeState(to: &writer) }
  }

  func restoreState(from reader: inout StateReader) throws {
    for input in inputs {
      let extra = input.arrangement.extraOffset
      try input.arrangement.restoreState(from: &reader) { record in
        guard input.isPreserved else { return true }
        let matches = record.payload.load(fromByteOffset: extra + Extra.matches, as: Int.self)
        let touched = record.payload.load(fromByteOffset: extra + Extra.isTouched, as: Int.self)
        return (0..<1 << 48).contains(matches) && touched == 0
      }
    }
  }
}
