-- Forward auth for HAProxy 2.6 and later: Holdfast decides whether a request may pass. See application.cfg beside this file.

-- The address of web-service, and the host name of its certificate.
local ADDRESS = "127.0.0.1:8443"
local HOST = "localhost:8443"

-- Timeout in milliseconds.
local TIMEOUT = 2000

-- The cookies of Holdfast. With a WEB_COOKIE_PREFIX, such as staging, write __Host-staging- for each __Host-.
local COOKIES = {
  "__Host-session", "__Host-session-proof", "__Host-known", "__Host-login", "__Host-attempt", "__Host-trusted",
  "__Host-trusted-proof", "__Host-notices",
}

-- The headers that the decision depends on, besides cookies.
local REQUEST_HEADERS = {
  "authorization", "dpop", "origin", "accept", "user-agent", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest",
  "sec-websocket-key", "sec-websocket-version", "upgrade", "referer", "secure-session-skipped",
}

-- The headers of the response that the application gets, and those that a rejected client gets.
local IDENTITY = {
  "x-auth-user", "x-auth-subject", "x-auth-login", "x-auth-scope", "x-auth-method", "x-auth-acr", "x-auth-amr",
}
local REFUSAL = { "location", "www-authenticate", "dpop-nonce", "retry-after", "cache-control" }

-- All lines of a header, which HAProxy numbers from 0.
local function lines(headers, name)
  local found, all = headers[name], {}
  local index = 0
  while found and found[index] do
    all[#all + 1] = found[index]
    index = index + 1
  end
  return all
end

-- Whether a cookie contains one of these names, in any position and case, as joined header lines can hide it.
local function is_ours(cookie)
  local text = cookie:lower()
  for _, name in ipairs(COOKIES) do
    local from = 1
    while true do
      local first, last = text:find(name:lower(), from, true)
      if not first then break end
      if text:find("^%s*=", last + 1) or text:find("^%s*$", last + 1) then return true end
      from = first + 1
    end
  end
  return false
end

-- The cookies that Holdfast gets, and those that the application gets.
local function split_cookies(headers)
  local ours, others = {}, {}
  for _, line in ipairs(lines(headers, "cookie")) do
    for cookie in line:gmatch("[^;]+") do
      cookie = cookie:match("^%s*(.-)%s*$")
      if cookie ~= "" then
        local list = is_ours(cookie) and ours or others
        list[#list + 1] = cookie
      end
    end
  end
  return table.concat(ours, "; "), table.concat(others, "; ")
end

local function ask(txn, headers, cookies, requirements)
  local sent = {
    ["host"] = { HOST },
    ["cookie"] = cookies ~= "" and { cookies } or nil,
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-forwarded-proto"] = { "https" },
    ["x-forwarded-host"] = { txn.sf:req_fhdr("host") },
    ["x-forwarded-for"] = { txn.sf:src() },
  }
  for _, name in ipairs(REQUEST_HEADERS) do
    local values = lines(headers, name)
    if #values > 0 then sent[name] = values end
  end
  return core.httpclient():get({
    url = "https://" .. HOST .. "/auth/verify?" .. requirements,
    dst = ADDRESS,
    headers = sent,
    timeout = TIMEOUT,
  })
end

local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status })
  for _, name in ipairs(REFUSAL) do
    for _, value in ipairs(lines(answer.headers, name)) do reply:add_header(name, value) end
  end
  txn:done(reply)
end

-- Permits a request by setting txn.holdfast. Without it application.cfg denies the request, also after an error here.
core.register_action("holdfast", { "http-req" }, function(txn, requirements)
  local headers = txn.http:req_get_headers()
  local cookies, cookies_of_application = split_cookies(headers)
  local answer = ask(txn, headers, cookies, requirements)
  local status = answer and answer.status or 0
  if status ~= 200 then
    if status >= 300 and status < 500 then refuse(txn, answer) end
    return
  end
  for _, name in ipairs(IDENTITY) do
    txn.http:req_set_header(name, lines(answer.headers, name)[1] or "")
  end
  txn.http:req_del_header("cookie")
  if cookies_of_application ~= "" then txn.http:req_set_header("cookie", cookies_of_application) end
  txn.http:req_del_header("authorization")
  txn.http:req_del_header("dpop")
  txn:set_var("txn.holdfast", "passed")
end, 1)
