-- Prepares the requests of one operation before the measurement starts. OPERATION names the operation. ACCOUNTS is a
-- file with a token and a task id on each line.

local requests, at = {}, 0

function init(args)
  local operation = os.getenv("OPERATION")
  local lines = {}
  for line in io.lines(os.getenv("ACCOUNTS")) do
    local token, id = line:match("^(%S+) (%d+)$")
    lines[#lines + 1] = { token = token, id = id }
  end
  local function add(method, path, token, body)
    local headers = { ["Authorization"] = "Bearer " .. token }
    if body then headers["Content-Type"] = "application/json" end
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
  local function task(title)
    return '{"title":"' .. title .. '","description":"Two pages, with the figures","due_date":"2026-12-31T10:00:00Z"}'
  end
  -- An update without a change writes nothing, so the title alternates.
  local titles = { "Write the report on the quarter" }
  if operation == "update" then titles[2] = "Write the report about the year" end
  for _, title in ipairs(titles) do
    for _, line in ipairs(lines) do
      if operation == "get" then add("GET", "/api/v1/tasks/" .. line.id, line.token)
      elseif operation == "list" then add("GET", "/api/v1/tasks", line.token)
      elseif operation == "create" then add("POST", "/api/v1/tasks", line.token, task(title))
      elseif operation == "update" then add("PUT", "/api/v1/tasks/" .. line.id, line.token, task(title))
      end
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, all)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format("counted %d %d %d", summary.requests, summary.duration, failed))
end
