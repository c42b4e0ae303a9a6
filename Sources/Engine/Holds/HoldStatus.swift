/// Where a hold is in its life.
package enum HoldStatus: String, Sendable, CaseIterable {
  /// Taken, with an expiry.
  case held
  /// Paid: subtracted still, and expires no more.
  case confirmed
  /// The stock itself has moved.
  case settled
  case released
  case expired
  /// The log decided against it.
  case rejected

  /// Whether its units are subtracted from what is available.
  package var isActive: Bool {
    switch self {
    case .held, .confirmed: true
    case .settled, .released, .expired, .rejected: false
    }
  }
}

/// What may be asked of a hold that is there.
package enum HoldAction: String, Sendable, CaseIterable {
  case confirm, settle, release, extend

  /// The status of a hold that it was done to.
  package var target: HoldStatus {
    switch self {
    case .confirm: .confirmed
    case .settle: .settled
    case .release: .released
    case .extend: .held
    }
  }
}

/// What comes of an action, by what the hold's row says. The functions in schema `onhand` follow the same table.
package enum HoldTransition: Sendable, Hashable {
  /// The row is to be changed.
  case change
  /// It was done before: done again, it says the same.
  case done
  /// Another ending came first, or one that the action can't follow.
  case conflict
  /// It has expired, or its time is over and its row will say so within a second.
  case gone
  /// Another hold with the same reference takes its place.
  case replaced
  /// Somebody was told of it before it was decided; it may still be refused.
  case undecided

  /// - Parameters:
  ///   - isOverdue: whether its expiry has passed, by the database's clock.
  ///   - isSuperseded: whether another hold takes its place.
  ///   - isPending: whether its row says that it is not decided yet.
  package init(
    _ action: HoldAction, of status: HoldStatus, isOverdue: Bool, isSuperseded: Bool,
    isPending: Bool
  ) {
    switch (status, action) {
    case (.held, .confirm), (.held, .settle), (.held, .extend):
      self = isSuperseded ? .replaced : isOverdue ? .gone : isPending ? .undecided : .change
    // Whatever was going to be decided of it.
    case (.held, .release): self = isSuperseded ? .replaced : isOverdue ? .gone : .change
    case (.confirmed, .confirm), (.settled, .settle), (.released, .release): self = .done
    case (.confirmed, .settle), (.confirmed, .release): self = .change
    // What was settled was confirmed, said or not.
    case (.settled, .confirm): self = .done
    case (.confirmed, .extend), (.settled, .release), (.settled, .extend): self = .conflict
    case (.released, .confirm), (.released, .settle), (.released, .extend): self = .conflict
    case (.rejected, .confirm), (.rejected, .settle), (.rejected, .extend): self = .conflict
    case (.expired, .confirm), (.expired, .settle), (.expired, .extend): self = .gone
    // There is nothing left to release.
    case (.expired, .release), (.rejected, .release): self = .done
    }
  }
}
