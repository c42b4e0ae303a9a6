import Testing

@testable import Engine

@Suite struct PlanFingerprintTests {
  @Test func differentPlansHaveDifferentOnes() {
    let plans = (SamplePlan.all(.full) + SamplePlan.all(.key([0]))).map(\.plan)
    #expect(Set(plans.map(PlanFingerprint.init)).count == plans.count)
    #expect(plans.map(PlanFingerprint.init) == plans.map(PlanFingerprint.init))
  }

  /// Computed by another process, once; whoever changes how plans are spelled, or sample plans, puts in the new one.
  @Test func itIsTheSameInEveryProcess() {
    let fingerprints = SamplePlan.all(.full).map { PlanFingerprint(of: $0.plan).description }
    #expect(fingerprints.first == "3df9b87cc4dbb8c8f1e68f387a759805")
    #expect(fingerprints.last == "3dab4be71ba1496787a38b81b4b7c3a8")
  }

  @Test func theTextOfADefinitionSaysNothing() throws {
    var plan = SamplePlan.all(.full)[0].plan
    let before = PlanFingerprint(of: plan)
    let view = plan.views[0]
    func replaceView(key: [Int], columns: [Plan.View.Column]) {
      plan.views[0] = Plan.View(
        name: view.name, node: view.node, columns: columns, key: key, identity: view.identity,
        definition: "SELECT 1")
    }
    replaceView(key: view.key, columns: view.columns)
    #expect(PlanFingerprint(of: plan) == before)
    replaceView(key: [1], columns: view.columns)
    #expect(PlanFingerprint(of: plan) != before)
    replaceView(key: view.key, columns: view.columns.reversed())
    #expect(PlanFingerprint(of: plan) != before)
    plan = SamplePlan.all(.full)[0].plan
    plan.sources[0].columns.swapAt(0, 1)
    #expect(PlanFingerprint(of: plan) != before)
  }
}
