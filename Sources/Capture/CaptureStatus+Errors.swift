import Catalog
import Engine

extension CaptureStatus.State {
  /// The state that a failure leaves capture in.
  init(_ error: any Error) {
    switch error {
    case let refusal as Refusal: self = .refused(reason: refusal.description)
    case let error as PostgresError: self = .disconnected(reason: error.description)
    default: self = .disconnected(reason: "\(error)")
    }
  }
}
