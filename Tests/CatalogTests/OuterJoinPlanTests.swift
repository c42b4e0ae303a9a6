import Engine
import Testing

@testable import Catalog

/// Where the conditions around outer joins end up.
@Suite struct OuterJoinPlanTests {
  private struct OuterJoin {
    let left, right: Plan.NodeID
    let kind: Plan.OuterJoinKind
    let equalities: [Plan.JoinEquality]
    let residual: Expression?
  }

  private func plan(_ view: String) throws -> Plan {
    try CatalogFixture(major: 15).compile([view])
  }

  private func outerJoins(_ plan: Plan) -> [OuterJoin] {
    plan.nodes.compactMap { node in
      guard case .outerJoin(let left, let right, let kind, let equalities, let residual, _) = node
      else { return nil }
      return OuterJoin(
        left: left, right: right, kind: kind, equalities: equalities, residual: residual)
    }
  }

  private func filter(_ node: Plan.NodeID, _ plan: Plan) -> Expression? {
    if case .map(_, let filter, _) = plan.nodes[node] { filter } else { nil }
  }

  @Test func conditionsOfTheMatchStayWithIt() throws {
    let plan = try plan("left_of_groups")
    let join = try #require(outerJoins(plan).first)
    #expect(join.equalities.count == 1)
    #expect(join.residual?.inputs == [0], "a condition on the left decides the match only")
    #expect(filter(join.left, plan) == nil, "no product goes")
    #expect(filter(join.right, plan) != nil, "what can't match need not be kept")
  }

  @Test func whereIsCheckedAboveTheJoin() throws {
    for view in ["left_chain", "right_using"] {
      let plan = try plan(view)
      #expect(plan.views[0].node == plan.nodes.count - 1)
      #expect(filter(plan.views[0].node, plan) != nil, "\(view)")
      for join in outerJoins(plan) {
        #expect(filter(join.left, plan) == nil && filter(join.right, plan) == nil, "\(view)")
      }
    }
  }

  @Test func aRightJoinIsALeftJoinTheOtherWayRound() throws {
    let plan = try plan("right_using")
    let join = try #require(outerJoins(plan).first)
    #expect(join.kind == .left)
    guard case .map(let source, _, _) = plan.nodes[join.left] else {
      Issue.record("\(plan.lines)")
      return
    }
    let table = try #require(plan.sources.first { $0.node == source })
    #expect(table.name.name == "warehouses")
  }

  @Test func innerJoinsInsideAndAroundAreKeptFlat() throws {
    let plan = try plan("left_nested")
    let outer = try #require(outerJoins(plan).first)
    guard case .join(let inside, _, _, _) = plan.nodes[outer.right] else {
      Issue.record("\(plan.lines)")
      return
    }
    #expect(inside.count == 2)
    guard case .join(let around, _, _, _) = plan.nodes[plan.views[0].node] else {
      Issue.record("\(plan.lines)")
      return
    }
    #expect(around.count == 2, "the outer join is one input among others")
  }
}
