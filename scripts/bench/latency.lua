-- Asks for the paths of a file in turn, and reports latencies in microseconds.
local paths, position = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    paths[#paths + 1] = wrk.format("GET", line)
  end
end

function request()
  position = position % #paths + 1
  return paths[position]
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
