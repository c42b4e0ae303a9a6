import Addresses
import Engine

/// What the configuration says about webhooks.
package struct WebhookSettings: Sendable {
  /// `webhook_allow`: addresses that may be sent to although they are private.
  package var allowed: [AddressRange] = []
  /// A file of certificates to trust in place of the system's; nil for those.
  package var certificates: String?
  package var schedule = AttemptSchedule()

  package init() {}

  package var guardian: AddressGuard { AddressGuard(allowed: allowed) }
}
