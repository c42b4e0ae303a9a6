"""httpx: a pool of connections, parameters, JSON, streams, and many requests at once."""

import asyncio

import httpx

from expect import Expectations


def check(served, token):
    expect = Expectations("httpx")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.address, headers=headers, timeout=60) as client:
        reads(client, expect)
    asyncio.run(many(served.address, headers, expect))
    return expect.count


def reads(client, expect):
    views = client.get("/v1/views")
    names = {view["name"] for view in views.raise_for_status().json()["views"]}
    expect("live_stock" in names, "views are listed", names)

    page = client.get("/v1/views/live_stock/rows", params={
        "region": "in.(US-East,US-West)", "on_hand": "gte.0", "select": "item_id,stock:on_hand",
        "limit": 3}).raise_for_status().json()
    expect(all(set(row) == {"item_id", "stock"} for row in page["rows"]), "select renames", page)

    seen, cursor = [], None
    while True:
        page = client.get("/v1/views/live_stock/rows", params={
            "limit": 100, "order": "item.desc", **({"cursor": cursor} if cursor else {})}).json()
        seen += [(row["item_id"], row["location_id"]) for row in page["rows"]]
        cursor = page["next"]
        if cursor is None:
            break
    expect(len(seen) == len(set(seen)) > 100, "pages follow each other", len(seen))

    packed = client.get("/v1/views/live_stock/rows")
    expect(packed.headers["content-encoding"] == "gzip" and packed.json()["rows"],
           "large answers are compressed and read", packed.headers)

    contract = client.get("/openapi.yaml")
    again = client.get("/openapi.yaml", headers={"If-None-Match": contract.headers["etag"]})
    expect(again.status_code == 304 and not again.content, "a tag gives 304", again)

    answer = client.post("/v1/views/live_stock/lookup", json={"keys": [[1, 1], [0, 0], ["1", 2]]},
                         params={"bigint": "string"}).raise_for_status().json()
    expect(answer["rows"][1] is None and answer["rows"][0]["location_id"] == 1
           and isinstance(answer["rows"][2]["on_hand"], str), "keys are looked up", answer)

    sent = client.post("/v1/availability", content=iter([b'{"items":', b"[1,2,3]}"]),
                       headers={"Content-Type": "application/json"})
    expect(len(sent.raise_for_status().json()["items"]) == 3, "a body in chunks is read", sent)

    position = answer["position"]
    reached = client.get("/v1/availability/1", headers={"Onhand-Min-Position": position})
    expect(reached.status_code == 200, "a position read before is waited for", reached.text)

    with client.stream("GET", "/v1/views/live_stock/rows") as stream:
        size = sum(len(part) for part in stream.iter_bytes())
    expect(size > 10_000, "an answer is read in parts", size)

    refused = client.get("/v1/views/live_stock/rows", params={"on_hand": "lt.x"})
    problem = refused.json()
    expect(refused.status_code == 400 and problem["code"] == "bad_filter"
           and problem["parameter"] == "on_hand", "errors are problem documents", problem)


async def many(address, headers, expect):
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(
            base_url=address, headers=headers, limits=limits, timeout=60) as client:
        answers = await asyncio.gather(*[
            client.get(f"/v1/views/live_stock/rows/{1 + n % 40},{1 + n % 8}")
            for n in range(1_000)])
    statuses = {answer.status_code for answer in answers}
    expect(statuses <= {200, 404} and 200 in statuses, "1,000 requests at once", statuses)
    expect(all(answer.status_code == 404 or answer.json()["item_id"] == 1 + n % 40
               for n, answer in enumerate(answers)), "each has its own answer")
