-- wrk: one request over and over, from the environment; one line of JSON at the end.
-- PAUSE: the mean of the milliseconds that a connection pauses before each request. The pauses are exponentially
-- distributed, so that the requests of all connections come at random, as those of independent callers do. wrk measures a
-- request's latency from when it is sent, without the pause.
wrk.method = os.getenv("METHOD")
wrk.body = os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("API_KEY") or "none")
wrk.headers["X-Tenant-ID"] = os.getenv("TENANT")

local pause = tonumber(os.getenv("PAUSE"))
if pause then
  function delay()
    return math.floor(0.5 - pause * math.log(1 - math.random()))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
