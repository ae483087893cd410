-- What `wrk` does with each answer; in the end it says how many were wrong. With a file, its lines take turns in the place of the
-- `@` in the headers.
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(arguments)
  wrong = 0
  body = os.getenv("BENCH_BODY")
  for header in string.gmatch(os.getenv("BENCH_HEADERS"), "[^\n]+") do
    local name, value = string.match(header, "^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  if os.getenv("BENCH_FILE") then take_turns() end
end
function take_turns()
  local lines, most = {}, tonumber(os.getenv("BENCH_LINES"))
  for line in io.lines(os.getenv("BENCH_FILE")) do
    if #lines == most then break end
    table.insert(lines, line)
  end
  local before, after = string.match(wrk.format(), "^(.*)@(.*)$")
  local turn = tonumber(os.getenv("BENCH_SKIP"))
  function request()
    turn = turn % #lines + 1
    return before .. lines[turn] .. after
  end
end
function response(status, headers, answer)
  if status ~= 200 or not string.find(answer, body, 1, true) then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local all = 0
  for _, thread in ipairs(threads) do all = all + thread:get("wrong") end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, all, failed,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
