-- Verifies each response of `wrk`, and prints the number of wrong ones at the end. With BENCH_FILE, the lines of the file replace
-- the `@` in the headers in turn.
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(arguments)
  wrong = 0
  body = os.getenv("BENCH_BODY")
  for header in string.gmatch(os.getenv("BENCH_HEADERS"), "[^\n]+") do
    local name, value = string.match(header, "^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
  if os.getenv("BENCH_FILE") then replace_by_lines() end
end
function replace_by_lines()
  local lines, max = {}, tonumber(os.getenv("BENCH_LINES"))
  for line in io.lines(os.getenv("BENCH_FILE")) do
    if #lines == max then break end
    table.insert(lines, line)
  end
  local before, after = string.match(wrk.format(), "^(.*)@(.*)$")
  local index = tonumber(os.getenv("BENCH_SKIP"))
  function request()
    index = index % #lines + 1
    return before .. lines[index] .. after
  end
end
function response(status, headers, content)
  if status ~= 200 or not string.find(content, body, 1, true) then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local total = 0
  for _, thread in ipairs(threads) do total = total + thread:get("wrong") end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, total, failed,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
