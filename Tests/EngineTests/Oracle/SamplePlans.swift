@testable import Engine

extension SamplePlan {
  static func all(_ identity: Plan.Source.Identity) -> [SamplePlan] {
    [
      projection(identity), aggregates(identity), totals(identity), numericKeys(identity),
      threeWayJoin(identity), selfJoin(identity), union(identity), aggregateOverJoin(identity),
      viewOnView(identity), faults(identity), spellings(identity),
      outerJoins(identity), outerJoinFaults(identity), outerJoinChain(identity),
    ]
  }

  private static let item = column(1, .int4)
  private static let place = column(2, .text)
  private static let qty = column(3, .int4)
  private static let price = column(4, .numeric)

  /// Rows by themselves: one view by key, one of whole rows that repeat.
  static func projection(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("projection", identity: identity)
    let filter = compare(qty, .notEqual, integer(3))
    let keyed = sample.plan.add(
      .map(input: sample.facts, filter: filter, outputs: [column(0, .int8), place, price]))
    sample.addView("keyed", keyed, key: [0])
    let hidden = sample.plan.add(
      .map(input: sample.facts, filter: filter, outputs: [place, column(0, .int8)]))
    sample.addView("hidden", hidden, shown: 1, identity: [1])
    let whole = sample.plan.add(.map(input: sample.facts, filter: nil, outputs: [item, place]))
    sample.addView("whole", whole)
    return sample
  }

  private static var everyAggregate: [Plan.Aggregate] {
    let positive = compare(qty, .greater, integer(0))
    return [nil, positive].flatMap { filter in
      [
        Plan.Aggregate(.count, of: nil, filter: filter, type: .int8),
        Plan.Aggregate(.count, of: place, filter: filter, type: .int8),
        Plan.Aggregate(.sumInt, of: qty, filter: filter, type: .int8),
        Plan.Aggregate(.sumIntAsNumeric, of: column(0, .int8), filter: filter, type: .numeric),
        Plan.Aggregate(.sumNumeric, of: price, filter: filter, type: .numeric),
        Plan.Aggregate(.min, of: price, filter: filter, type: .numeric),
        Plan.Aggregate(.max, of: price, filter: filter, type: .numeric),
        Plan.Aggregate(.min, of: qty, filter: filter, type: .int4),
        Plan.Aggregate(.max, of: place, filter: filter, type: .text),
        Plan.Aggregate(.countDistinct, of: place, filter: filter, type: .int8),
        Plan.Aggregate(.countDistinct, of: price, filter: filter, type: .int8),
      ]
    }
  }

  static func aggregates(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("aggregates", identity: identity)
    let kept = sample.plan.add(
      .map(
        input: sample.facts, filter: compare(qty, .notEqual, integer(2)),
        outputs: [column(0, .int8), item, place, qty, price]))
    let grouped = sample.plan.add(
      .aggregate(input: kept, filter: nil, keys: [item], aggregates: everyAggregate))
    sample.addView("grouped", grouped, key: [0])
    sample.exactColumns = [5, 6, 7, 16, 17, 18]
    return sample
  }

  static func totals(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("totals", identity: identity)
    let total = sample.plan.add(
      .aggregate(
        input: sample.facts, filter: .not(.isNull(item)), keys: [], aggregates: everyAggregate))
    sample.addView("total", total, identity: [])
    sample.exactColumns = [4, 5, 6, 15, 16, 17]
    return sample
  }

  /// Without a key 1.0 and 1.00 are two rows.
  static func spellings(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("spellings", identity: identity)
    let whole = sample.plan.add(.map(input: sample.facts, filter: nil, outputs: [price]))
    sample.addView("whole", whole)
    sample.exactColumns = [0]
    return sample
  }

  /// 1.0 and 1.00 are one group.
  static func numericKeys(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("numeric keys", identity: identity)
    let grouped = sample.plan.add(
      .aggregate(
        input: sample.facts, filter: nil, keys: [price, place],
        aggregates: [Plan.Aggregate(.count, of: nil, type: .int8)]))
    sample.addView("grouped", grouped, key: [0, 1])
    let distinct = sample.plan.add(
      .aggregate(input: sample.facts, filter: nil, keys: [price], aggregates: []))
    sample.addView("distinct", distinct, key: [0])
    sample.exactColumns = [0]
    return sample
  }

  static func threeWayJoin(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("three-way join", identity: identity)
    let residual = Expression.or([
      compare(qty, .less, column(3, .int4, of: 1)),
      compare(column(2, .text, of: 1), .notEqual, column(2, .text, of: 2)),
    ])
    let sum = Expression.call(.addInt(.int4), [qty, column(3, .int4, of: 1)], .int4)
    let ids = (0...2).map { column(0, .int8, of: $0) }
    let join = sample.plan.add(
      .join(
        inputs: [sample.facts, sample.items, sample.places],
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 1, type: .int4),
            Expression.Column(input: 1, index: 1, type: .int4)),
          Plan.JoinEquality(
            Expression.Column(input: 2, index: 1, type: .text),
            Expression.Column(input: 0, index: 2, type: .text)),
        ], residual: residual, outputs: [column(2, .text, of: 1), sum] + ids))
    sample.addView("by ids", join, key: [2, 3, 4])
    sample.addView("hidden ids", join, shown: 2, identity: [2, 3, 4])
    return sample
  }

  /// One table at both sides, and a step changes both at once.
  static func selfJoin(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("self join", identity: identity)
    let join = sample.plan.add(
      .join(
        inputs: [sample.facts, sample.facts],
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 1, type: .int4),
            Expression.Column(input: 1, index: 3, type: .int4)),
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 4, type: .numeric),
            Expression.Column(input: 1, index: 4, type: .numeric)),
        ], residual: nil, outputs: [column(0, .int8), column(0, .int8, of: 1), place]))
    sample.addView("pairs", join, key: [0, 1])
    let cross = sample.plan.add(
      .join(
        inputs: [sample.items, sample.places], equalities: [], residual: nil,
        outputs: [column(0, .int8), column(0, .int8, of: 1)]))
    sample.addView("cross", cross, key: [0, 1])
    return sample
  }

  static func union(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("union", identity: identity)
    let inputs = [sample.facts, sample.items].map { input in
      sample.plan.add(.map(input: input, filter: nil, outputs: [item, place]))
    }
    let union = sample.plan.add(.union(inputs))
    sample.addView("all", union)
    let distinct = sample.plan.add(
      .aggregate(
        input: union, filter: nil, keys: [column(0, .int4), column(1, .text)], aggregates: []))
    sample.addView("distinct", distinct, key: [0, 1])
    // Without a key the rows that would have to go are not kept.
    sample.allowsTruncate = identity != .full
    return sample
  }

  private static let itemsEqual = Plan.JoinEquality(
    Expression.Column(input: 0, index: 1, type: .int4),
    Expression.Column(input: 1, index: 1, type: .int4))

  /// With and without further conditions of the match, of one side or of both; and without any equality.
  static func outerJoins(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("outer joins", identity: identity)
    let factor = column(3, .int4, of: 1)
    let conditions: [(String, [Plan.JoinEquality], Expression?)] = [
      ("plain", [itemsEqual], nil), ("both", [itemsEqual], compare(qty, .less, factor)),
      ("left only", [itemsEqual], compare(qty, .greater, integer(1))),
      ("right only", [itemsEqual], .isNull(factor)),
      ("without equality", [], compare(qty, .less, factor)),
    ]
    for kind in [Plan.OuterJoinKind.left, .full] {
      for (name, equalities, residual) in conditions {
        let node = sample.plan.add(
          .outerJoin(
            left: sample.facts, right: sample.items, kind: kind, equalities: equalities,
            residual: residual,
            outputs: [
              column(0, .int8), column(0, .int8, of: 1), price,
              .coalesce([column(2, .text, of: 1), place], .text),
            ]))
        sample.addView("\(kind) \(name)", node, key: [0, 1])
      }
    }
    // Rows that repeat at both sides, matched by a type with several spellings.
    let prices = sample.plan.add(.map(input: sample.facts, filter: nil, outputs: [price, item]))
    let repeated = sample.plan.add(
      .outerJoin(
        left: prices, right: prices, kind: .full,
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 1, index: 0, type: .numeric),
            Expression.Column(input: 0, index: 0, type: .numeric))
        ], residual: compare(column(1, .int4), .less, column(1, .int4, of: 1)),
        outputs: [column(1, .int4), column(1, .int4, of: 1)]))
    sample.addView("repeated", repeated)
    return sample
  }

  /// Keys, conditions and rows that fail.
  static func outerJoinFaults(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("outer join faults", identity: identity)
    func quotient(_ index: Int, of input: Int = 0) -> Expression {
      .call(.divideInt(.int4), [integer(6), column(index, .int4, of: input)], .int4)
    }
    let facts = sample.plan.add(
      .map(
        input: sample.facts, filter: compare(quotient(1), .greater, integer(2)),
        outputs: [column(0, .int8), quotient(3)]))
    let items = sample.plan.add(
      .map(
        input: sample.items, filter: compare(quotient(3), .notEqual, integer(3)),
        outputs: [column(0, .int8), quotient(1), column(3, .int4)]))
    for kind in [Plan.OuterJoinKind.left, .full] {
      let node = sample.plan.add(
        .outerJoin(
          left: facts, right: items, kind: kind, equalities: [itemsEqual],
          residual: compare(quotient(2, of: 1), .less, integer(6)),
          outputs: [column(0, .int8), column(0, .int8, of: 1), column(2, .int4, of: 1)]))
      sample.addView("\(kind)", node, key: [0, 1])
    }
    return sample
  }

  /// An outer join of a group, joined again, filtered and grouped.
  static func outerJoinChain(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("outer join chain", identity: identity)
    let held = sample.plan.add(
      .aggregate(
        input: sample.facts, filter: nil, keys: [item],
        aggregates: [Plan.Aggregate(.sumInt, of: qty, type: .int8)]))
    let first = sample.plan.add(
      .outerJoin(
        left: sample.items, right: held, kind: .left,
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 1, type: .int4),
            Expression.Column(input: 1, index: 0, type: .int4))
        ], residual: nil,
        outputs: [
          column(0, .int8), column(2, .text),
          .coalesce([column(1, .int8, of: 1), integer(0, .int8)], .int8),
        ]))
    sample.addView("first", first, key: [0])
    let second = sample.plan.add(
      .outerJoin(
        left: first, right: sample.places, kind: .left,
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 1, type: .text),
            Expression.Column(input: 1, index: 1, type: .text))
        ], residual: nil,
        outputs: [
          column(0, .int8), column(0, .int8, of: 1), column(2, .int8), column(2, .text, of: 1),
        ]))
    sample.addView("second", second, key: [0, 1])
    let unmatched = sample.plan.add(
      .map(
        input: second, filter: .isNull(column(1, .int8)),
        outputs: [column(0, .int8), column(2, .int8)]))
    sample.addView("unmatched", unmatched, key: [0])
    let grouped = sample.plan.add(
      .aggregate(
        input: second, filter: nil, keys: [column(3, .text)],
        aggregates: [
          Plan.Aggregate(.sumIntAsNumeric, of: column(2, .int8), type: .numeric),
          Plan.Aggregate(.count, of: column(1, .int8), type: .int8),
        ]))
    sample.addView("grouped", grouped, key: [0])
    return sample
  }

  /// Facts grouped before they are joined, and combined after.
  static func aggregateOverJoin(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("aggregate over join", identity: identity)
    let partial = sample.plan.add(
      .aggregate(
        input: sample.facts, filter: nil, keys: [item, place],
        aggregates: [
          Plan.Aggregate(.count, of: nil, type: .int8),
          Plan.Aggregate(.sumNumeric, of: price, type: .numeric),
          Plan.Aggregate(.max, of: qty, type: .int4),
        ]))
    let join = sample.plan.add(
      .join(
        inputs: [partial, sample.items],
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 0, type: .int4),
            Expression.Column(input: 1, index: 1, type: .int4))
        ], residual: nil,
        outputs: [
          column(2, .text, of: 1), column(2, .int8), column(3, .numeric), column(4, .int4),
          column(1, .text),
        ]))
    let final = sample.plan.add(
      .aggregate(
        input: join, filter: nil, keys: [column(0, .text)],
        aggregates: [
          Plan.Aggregate(.sumInt, of: column(1, .int8), type: .int8),
          Plan.Aggregate(.sumNumeric, of: column(2, .numeric), type: .numeric),
          Plan.Aggregate(.max, of: column(3, .int4), type: .int4),
          Plan.Aggregate(.countDistinct, of: column(4, .text), type: .int8),
        ]))
    sample.addView("combined", final, key: [0])
    sample.exactColumns = [2]
    return sample
  }

  /// Views that read a view, itself served, one of them by a join with itself.
  static func viewOnView(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("view on view", identity: identity)
    let base = sample.plan.add(
      .aggregate(
        input: sample.facts, filter: nil, keys: [item, place],
        aggregates: [Plan.Aggregate(.count, of: nil, type: .int8)]))
    sample.addView("base", base, key: [0, 1])
    let count = column(2, .int8)
    let many = sample.plan.add(
      .map(
        input: base, filter: compare(count, .greater, integer(1, .int8)),
        outputs: [column(0, .int4), column(1, .text)]))
    sample.addView("many", many, key: [0, 1])
    let coarse = sample.plan.add(
      .aggregate(
        input: base, filter: nil, keys: [column(0, .int4)],
        aggregates: [
          Plan.Aggregate(.max, of: count, type: .int8),
          Plan.Aggregate(.sumInt, of: count, type: .int8),
        ]))
    let join = sample.plan.add(
      .join(
        inputs: [base, coarse],
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 0, type: .int4),
            Expression.Column(input: 1, index: 0, type: .int4))
        ], residual: compare(count, .equal, column(1, .int8, of: 1)),
        outputs: [column(0, .int4), column(1, .text), column(2, .int8, of: 1)]))
    sample.addView("largest", join, key: [0, 1])
    return sample
  }

  /// Expressions and conditions that fail for some rows.
  static func faults(_ identity: Plan.Source.Identity) -> SamplePlan {
    var sample = SamplePlan("faults", identity: identity)
    let quotient = Expression.call(.divideInt(.int4), [integer(6), qty], .int4)
    let rows = sample.plan.add(
      .map(
        input: sample.facts, filter: compare(item, .notEqual, integer(1)),
        outputs: [column(0, .int8), quotient, item]))
    sample.addView("rows", rows, key: [0])
    let conditional = sample.plan.add(
      .map(
        input: sample.facts, filter: compare(quotient, .greater, integer(2)),
        outputs: [column(0, .int8), item]))
    sample.addView("conditional", conditional, key: [0])
    for (name, input, argument) in [
      ("sums", sample.facts, quotient), ("counts", conditional, column(1, .int4)),
    ] {
      let grouped = sample.plan.add(
        .aggregate(
          input: input, filter: nil, keys: [item],
          aggregates: [
            Plan.Aggregate(.sumInt, of: argument, type: .int8),
            Plan.Aggregate(.count, of: nil, type: .int8),
          ]))
      sample.addView(name, grouped, key: [0])
    }
    let join = sample.plan.add(
      .join(
        inputs: [conditional, sample.items],
        equalities: [
          Plan.JoinEquality(
            Expression.Column(input: 0, index: 1, type: .int4),
            Expression.Column(input: 1, index: 1, type: .int4))
        ],
        residual: compare(
          .call(.divideInt(.int4), [integer(6), column(3, .int4, of: 1)], .int4), .less, integer(4)),
        outputs: [column(0, .int8), column(0, .int8, of: 1)]))
    sample.addView("joined", join, key: [0, 1])
    return sample
  }
}
