-- wrk: one request over and over, by several tenants in turn. One line of JSON at the end.
-- refused: answers with a status of 400 and above.
local requests, turn = {}, 0

function init()
  wrk.method, wrk.body = os.getenv("METHOD"), os.getenv("BODY")
  wrk.headers["Content-Type"] = "application/json"
  for key in string.gmatch(os.getenv("API_KEYS"), "[^,]+") do
    wrk.headers["Authorization"] = "Bearer " .. key
    table.insert(requests, wrk.format())
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('{"answered": %d, "refused": %d, "seconds": %f, "broken": %d}\n', summary.requests,
    errors.status, summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.timeout))
end
