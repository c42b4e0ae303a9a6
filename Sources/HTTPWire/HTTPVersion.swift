/// The protocol versions that are spoken.
package enum HTTPVersion: UInt8, Sendable {
  case http10, http11
}
