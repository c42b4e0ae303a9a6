"""fetch of a real browser, from a page that may read answers and from one that may not; and the board."""

from playwright.sync_api import sync_playwright

from expect import Expectations

# Arguments: address, token. Answers a list of what was seen.
READS = """async ([address, token]) => {
  const seen = {};
  const open = await fetch(`${address}/v1/views/live_stock/rows?on_hand=gte.0&limit=3`);
  seen.open = {status: open.status, rows: (await open.json()).rows,
               position: open.headers.get('Onhand-Position')};
  const authorization = {Authorization: `Bearer ${token}`};
  const own = await fetch(`${address}/v1/views/network_summary/rows?limit=2`, {headers: authorization});
  seen.own = {status: own.status, rows: (await own.json()).rows.length};
  const row = await fetch(`${address}/v1/views/live_stock/rows/1,1`, {headers: authorization});
  seen.tag = row.headers.get('ETag');
  const page = await fetch(`${address}/openapi.yaml`);
  const again = await fetch(`${address}/openapi.yaml`, {
    cache: 'no-store', headers: {'If-None-Match': page.headers.get('ETag')}});
  seen.again = again.status;
  const cached = await fetch(`${address}/openapi.yaml`, {cache: 'no-cache'});
  seen.cached = [cached.status, await cached.text() === await page.text()];
  const lookup = await fetch(`${address}/v1/views/live_stock/lookup?bigint=string`, {
    method: 'POST', headers: {...authorization, 'Content-Type': 'application/json',
                              'Onhand-Min-Position': seen.open.position},
    body: JSON.stringify({keys: [[1, 1], [0, 0]]})});
  seen.lookup = {status: lookup.status, rows: (await lookup.json()).rows};
  const many = await Promise.all(Array.from({length: 60}, (_, n) =>
    fetch(`${address}/v1/availability/${1 + n % 30}`).then(answer => answer.json())));
  seen.many = many.map(answer => answer.item);
  const refused = await fetch(`${address}/v1/views/live_stock/rows?on_hand=lt.x`);
  seen.refused = [refused.status, (await refused.json()).code];
  const denied = await fetch(`${address}/v1/views/network_summary/rows`);
  seen.denied = [denied.status, (await denied.json()).code];
  return seen;
}"""

# What a page sees of an answer that it may not read, or of a request that it may not send.
FOREIGN = """async ([address, token]) => {
  const seen = [];
  for (const options of [{}, {headers: {Authorization: `Bearer ${token}`}},
                         {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}]) {
    try {
      const answer = await fetch(`${address}/v1/views/live_stock/rows?limit=1`, options);
      seen.push(`${answer.status}`);
    } catch (error) { seen.push(error.name); }
  }
  return seen;
}"""


def check(served, token, site, executable):
    expect = Expectations("browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page()
        page.goto(site.allowed)
        compare(page.evaluate(READS, [served.address, token]), expect)
        page.goto(site.foreign)
        seen = page.evaluate(FOREIGN, [served.address, token])
        expect(seen == ["TypeError"] * 3, "a page of another origin reads nothing", seen)
        board(browser, served, expect)
        browser.close()
    return expect.count


def compare(seen, expect):
    rows = seen["open"]["rows"]
    expect(seen["open"]["status"] == 200 and len(rows) == 3, "what is public is read", seen["open"])
    expect(all(row["on_hand"] <= 10 for row in rows), "visitors see the cap", rows)
    expect(seen["open"]["position"] and ":" in seen["open"]["position"],
           "the position can be read", seen["open"])
    expect(seen["own"] == {"status": 200, "rows": 2}, "a token is sent and taken", seen["own"])
    expect(seen["tag"], "the tag can be read", seen["tag"])
    expect(seen["again"] == 304, "a tag that the page sends gives 304", seen["again"])
    expect(seen["cached"] == [200, True], "the browser's own copy is good", seen["cached"])
    found = seen["lookup"]["rows"]
    expect(seen["lookup"]["status"] == 200 and found[1] is None
           and isinstance(found[0]["on_hand"], str), "keys are looked up", seen["lookup"])
    expect(seen["many"] == [1 + n % 30 for n in range(60)], "60 requests at once", seen["many"])
    expect(seen["refused"] == [400, "bad_filter"], "errors can be read", seen["refused"])
    expect(seen["denied"] == [401, "token_missing"], "refusals can be read", seen["denied"])


def board(browser, served, expect):
    page = browser.new_page()
    failures = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(served.address)
    page.wait_for_function("document.body.innerText.includes('live_stock')")
    page.goto(f"{served.address}/docs")
    expect("/v1/availability" in page.inner_text("body"), "the contract is shown")
    expect(not failures, "pages have no errors", failures)
