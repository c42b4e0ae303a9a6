import Engine
import Testing

@testable import Catalog

@Suite struct ViewCompilerTests {
  static let views = [
    "plain", "names_only", "live_stock", "low_stock", "stock_by_product", "mixed", "kinds",
    "totals", "everything", "regions", "pairs", "forms", "quoted", "renamed", "every_product",
    "left_of_groups", "left_chain", "left_of_many", "right_using", "full_using", "left_nested",
  ]

  private func plan(_ views: [String], keys: [String: [String]] = [:]) throws -> Plan {
    try CatalogFixture(major: 15).compile(views, keys: keys)
  }

  private func view(_ name: String, in plan: Plan) throws -> Plan.View {
    try #require(plan.views.first { $0.name.name == name })
  }

  @Test(arguments: views)
  func everyServerVersionGivesTheSamePlan(_ view: String) throws {
    let lines = try CatalogFixture(major: 15).compile([view]).lines
    #expect(try CatalogFixture(major: 16).compile([view]).lines == lines)
    #expect(try CatalogFixture(major: 18).compile([view]).lines == lines)
  }

  @Test func factsAreGroupedBeforeTheJoin() throws {
    let plan = try plan(["live_stock"])
    let joins = plan.nodes.compactMap { node -> [Plan.NodeID]? in
      if case .join(let inputs, _, _, _) = node { inputs } else { nil }
    }
    #expect(joins.count == 1)
    let inputs = try #require(joins.first).map { plan.nodes[$0] }
    guard case .aggregate(let input, let filter, let keys, let aggregates) = inputs[0] else {
      Issue.record("movements are not grouped before they are joined: \(plan.lines)")
      return
    }
    guard case .source(let source) = plan.nodes[input] else {
      Issue.record("the facts are not read from their table: \(plan.lines)")
      return
    }
    #expect(plan.sources[source].name.name == "movements")
    #expect(filter != nil, "the condition on movements is checked before they are grouped")
    #expect(keys.count == 2)
    #expect(aggregates.map(\.function) == [.sumInt, .count])
    for reference in inputs.dropFirst() {
      guard case .map = reference else {
        Issue.record("a reference table is not read as it is: \(plan.lines)")
        return
      }
    }
  }

  @Test func partialGroupsAreCombinedAfterTheJoin() throws {
    let plan = try plan(["live_stock"])
    let final = try #require(
      plan.nodes.compactMap { node -> [Plan.Aggregate]? in
        guard case .aggregate(let input, _, _, let aggregates) = node,
          case .join = plan.nodes[input]
        else { return nil }
        return aggregates
      }.first)
    #expect(final.map(\.function) == [.sumInt, .sumInt], "counts of partial groups are summed")
  }

  @Test func anAggregateOverSeveralTablesIsComputedAfterTheJoin() throws {
    let plan = try plan(["mixed"])
    let aggregates = plan.nodes.filter { if case .aggregate = $0 { true } else { false } }
    #expect(aggregates.count == 1, "\(plan.lines)")
  }

  @Test func onlyColumnsInUseAreRead() throws {
    let plan = try plan(["live_stock"])
    let columns = Dictionary(
      uniqueKeysWithValues: plan.sources.map { ($0.name.name, Set($0.columns.map(\.name))) })
    #expect(columns["movements"] == ["product_id", "warehouse_id", "quantity"])
    #expect(columns["products"] == ["id", "name"])
    #expect(columns["warehouses"] == ["id", "name", "region"])
  }

  @Test func viewsOnViewsShareTheirNodes() throws {
    let alone = try plan(["live_stock"])
    let all = try plan(["low_stock", "live_stock", "stock_by_product"])
    #expect(all.sources.count == alone.sources.count)
    let joins = all.nodes.filter { if case .join = $0 { true } else { false } }
    #expect(joins.count == 1, "\(all.lines)")
    let shared = try view("live_stock", in: all).node
    for name in ["low_stock", "stock_by_product"] {
      var below: Set<Plan.NodeID> = [try view(name, in: all).node]
      for node in all.nodes.indices.reversed() where below.contains(node) {
        switch all.nodes[node] {
        case .map(let input, _, _), .aggregate(let input, _, _, _): below.insert(input)
        case .join(let inputs, _, _, _), .union(let inputs): below.formUnion(inputs)
        case .outerJoin(let left, let right, _, _, _, _): below.formUnion([left, right])
        case .source: break
        }
      }
      #expect(below.contains(shared), "\(name) does not read live_stock's node")
    }
  }

  @Test func nodesComeAfterWhatTheyRead() throws {
    let plan = try plan(Self.views)
    for (index, node) in plan.nodes.enumerated() {
      switch node {
      case .map(let input, _, _), .aggregate(let input, _, _, _): #expect(input < index)
      case .join(let inputs, _, _, _), .union(let inputs):
        #expect(inputs.allSatisfy { $0 < index })
      case .outerJoin(let left, let right, _, _, _, _): #expect(left < index && right < index)
      case .source: break
      }
    }
  }

  @Test func tablesAreKeptByTheirReplicaIdentity() throws {
    let plan = try plan(["live_stock"])
    for source in plan.sources {
      switch (source.name.name, source.identity) {
      case ("movements", .full): break
      case (_, .key(let columns)): #expect(columns.map { source.columns[$0].name } == ["id"])
      default: Issue.record("\(source.name) has identity \(source.identity)")
      }
    }
  }

  @Test func whatIsOnlyInsertedIntoIsNotKept() throws {
    let plan = try CatalogFixture(major: 15).compile(["plain"], appendOnly: ["products"])
    #expect(plan.sources.map(\.identity) == [.full])
  }

  @Test func aRenamedColumnGoesByItsNewName() throws {
    #expect(try plan(["renamed"]).views[0].columns.map(\.name) == ["after"])
  }

  @Test func namesMayHoldBlanksAndQuotes() throws {
    #expect(try plan(["quoted"]).views[0].columns.map(\.name) == ["a b", "c\""])
  }

  @Test func ofOneColumnTypesAndNamesAreTold() throws {
    let columns = try plan(["kinds"]).views[0].columns
    #expect(columns.map(\.type) == [.enumeration, .int8, .int8, .numeric, .bool, .date])
    #expect(columns.map(\.typeName).prefix(2) == ["public.movement_kind", "bigint"])
  }
}
