import Engine
import Testing

@testable import Catalog

/// Keys and identities that follow from grouping and unique keys.
@Suite struct DerivedKeyTests {
  private func view(_ name: String, key: [String]? = nil) throws -> (Plan.View, [ColumnType]) {
    let plan = try CatalogFixture(major: 15).compile([name], keys: key.map { [name: $0] } ?? [:])
    return (plan.views[0], plan.types(of: plan.views[0].node))
  }

  private func keyNames(_ name: String) throws -> [String] {
    let (view, _) = try view(name)
    return view.key.map { view.columns[$0].name }
  }

  @Test(arguments: [
    ("plain", ["id"]),
    ("renamed", ["after"]),
    ("kinds", ["kind"]),
    ("regions", ["region"]),
    ("stock_by_product", ["product_id"]),
    ("everything", []),
    ("names_only", []),
    ("totals", []),
    ("pairs", ["one"]),
    ("quoted", ["a b"]),
    ("left_of_groups", ["id"]),
    ("left_chain", ["sku"]),
    ("left_of_many", ["product", "movement"]),
    ("every_product", []),
    ("right_using", ["id"]),
    ("full_using", []),
  ])
  func theShortestKeyIsDerived(_ view: String, _ key: [String]) throws {
    #expect(try keyNames(view) == key)
  }

  @Test func aHiddenIdentityIsAppended() throws {
    let (view, types) = try view("names_only")
    #expect(view.columns.map(\.name) == ["name"])
    #expect(types == [.text, .int4], "the primary key lies behind what is shown")
    #expect(view.identity == [1])
  }

  @Test func groupsAreToldApartByAKeyThatIsNotShown() throws {
    // Grouped by p.id, p.name, w.id, w.name; w.id is not shown and p.id fixes p.name.
    let (view, types) = try view("live_stock")
    #expect(types.count == view.columns.count + 1)
    #expect(Set(view.identity) == [0, view.columns.count])
    #expect(view.key.isEmpty, "two warehouses may have one name")
  }

  @Test func anOuterJoinOfUniqueRowsAddsNothingToTheIdentity() throws {
    // stock_by_product is grouped by what it is joined by, and w.id is a primary key: only p.id tells rows apart.
    let (view, types) = try view("left_chain")
    #expect(types.count == view.columns.count + 1)
    #expect(view.identity == [view.columns.count])
  }

  @Test func anOuterJoinOfManyRowsIsToldApartByBothSides() throws {
    let (view, _) = try view("every_product")
    #expect(view.identity.count == 2 && view.identity.contains(0))
  }

  @Test func aConfiguredKeyStands() throws {
    let (view, _) = try view("live_stock", key: ["warehouse", "product_id"])
    #expect(view.key == [2, 0])
    #expect(Set(view.identity) == [0, view.columns.count])
  }

  @Test func withoutAnIdentityTheWholeRowIsOne() throws {
    let (view, types) = try view("everything")
    #expect(types.count == 2)
    #expect(view.identity == [0, 1])
  }

  @Test func oneRowOfTotalsNeedsNoKey() throws {
    let (view, _) = try view("totals")
    #expect(view.identity == [])
    #expect(view.key == [])
  }

  @Test func aKeyOfUnknownColumnsIsRefused() throws {
    let error = #expect(throws: Refusal.self) { try view("plain", key: ["id", "nothing"]) }
    #expect(error?.subject == "public.plain")
    #expect(error?.construct == "its key names \"nothing\"")
  }
}
