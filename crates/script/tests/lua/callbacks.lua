-- What functions of the script do while a guest waits for them.
local visit
local guest = wasm.load("../modules/guest.wat", { env = { visit = function(n) return visit(n) end, scale = 1 } })
local e, memory = guest.exports, guest.memory

-- The first line of an error, and how many lines of backtraces follow.
local function call(...)
  local ok, message = pcall(...)
  local first = message:match("^%w+: wasm trap: [%a ]*") or message:match("^[^\n]*")
  print(ok, first, select(2, message:gsub("\n *%d+: ", "")))
end

-- They use the guest, and grow its memory under a call that uses it.
visit = function(n)
  m.write_int32(memory, 65536 - 4, n)
  e.grow(1)
  m.write_int32(memory, 65536, n + 1)
  return e.peek(65536 - 4) + e.peek(65536)
end
print(e.call_visit(10), m.get_size(memory))

-- They throw what they like, and the script gets it.
local thrown = { code = 7 }
visit = function() error(thrown) end
local ok, caught = pcall(e.call_visit, 1)
print(ok, caught == thrown)
visit = function() error("no luck") end
call(e.call_visit, 1)
visit = function() return e.divide(1, 0) end
call(e.call_visit, 1)
visit = function() return "x" end
call(e.call_visit, 1)
visit = function() return nil end
call(e.call_visit, 1)
visit = function() return coroutine.yield() end
call(e.call_visit, 1)

-- Calls in each other, to the limit and not beyond.
local depth = 0
visit = function(n)
  depth = math.max(depth, n)
  if n == 10000 then return n end
  return e.call_visit(n + 1)
end
local ok, message = pcall(e.call_visit, 1)
print(ok, depth, (message:gsub("\n.*", "")))
visit = function(n) return n end
print(e.call_visit(5))

-- A coroutine calls guests as well.
print(coroutine.wrap(function() return e.call_visit(6) end)())

-- Finalizers may run whenever the collector does.
for _ = 1, 1000 do
  setmetatable({}, { __gc = function() e.add(m.read_uint8(memory, 16), 1) end })
end
collectgarbage()
print(e.call_visit(8))
