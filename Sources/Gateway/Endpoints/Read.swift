import Engine
import HTTPWire

/// What one request is answered from: valid while its worker is inside the read gate.
struct Read {
  let visible: ReadGate.Visible
  let reader: Reader
  let parameters: ReadParameters
  let scratch: WorkerScratch

  /// The view that a path names, if the reader may see it.
  func find(_ name: ByteView) throws(Refused) -> LiveView {
    if let view = visible.views.find(name.bytes), reader.maySee(view.name) {
      try reader.requireHiding(view)
      return view
    }
    guard let decoded = name.percentDecoded(.path) else {
      throw Refused(.unknownView, "the name is not percent-encoded")
    }
    return try find(decoded)
  }

  /// The view called `name`, if the reader may see it.
  func find(_ name: String) throws(Refused) -> LiveView {
    var text = name
    let view = text.withUTF8 { visible.views.find(UnsafeRawBufferPointer($0)) }
    if let view, reader.maySee(view.name) {
      try reader.requireHiding(view)
      return view
    }
    switch (reader, view) {
    case (.visitor, _): throw Refused(.tokenMissing, "only some views are public")
    case (.caller(let caller), let view?):
      throw Refused(.forbidden, "\(caller.name) may not read \(view.name)")
    case (.caller, nil), (.everybody, _):
      let names = visible.views.views.map(\.name).filter(reader.maySee)
        .map(\.description).joined(separator: ", ")
      throw Refused(.unknownView, "no view is called \"\(name.prefix(200))\"; served are \(names)")
    }
  }

  var positionText: String { visible.position.map(String.init(describing:)) ?? "" }
}
