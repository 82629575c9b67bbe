-- Calls everything that a script can reach, with whatever it has. `SEED` and `STEPS` come first in
-- the text that the test runs.
math.randomseed(SEED)
local random = math.random

local guest
local pool = {
  0, 1, -1, 2, 7, 63, 64, 65535, 65536, 65537, 196608, 2 ^ 31, -2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63,
  math.maxinteger, math.mininteger, 0.5, -0.0, 1 / 0, -1 / 0, 0 / 0, 1e300, "", "text", "\0", "\xff",
  "0123456789abcdef", true, false, {}, print, coroutine.create(print), io.stderr,
  setmetatable({}, { __index = function() error("index") end, __tostring = function() error() end }),
}
local canary = m.alloc(64)
m.fill(canary, 0, 0x5a, 64)

local function value()
  local kind = random(10)
  if kind <= 4 then return random(-2, 70) end
  return pool[random(#pool)]
end

local function keep(found)
  local kind = type(found)
  if kind == "userdata" or kind == "function" or kind == "table" then
    if #pool < 300 then pool[#pool + 1] = found else pool[random(37, #pool)] = found end
  end
end

-- What `visit` raised, so that it may come back as an error.
local raised = {}
local depth = 0
local step
local function visit(n)
  depth = depth + 1
  if depth < 5 then for _ = 1, random(0, 2) do step() end end
  depth = depth - 1
  local what = random(6)
  if what == 1 then
    local v = value()
    if type(v) == "userdata" then raised[v] = true end
    error(v)
  end
  if what == 2 then return value() end
  return n
end

-- The pairs of a table in the order of their names: a seed does the same in every run.
local function sorted(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  local index = 0
  return function()
    index = index + 1
    return names[index], of[names[index]]
  end
end

local functions = {}
for name, f in sorted(m) do if name ~= "dump" then functions[#functions + 1] = f end end
local function load()
  guest = wasm.load("../modules/guest.wat", { env = { visit = visit, scale = random(-3, 3) } })
  keep(guest.memory)
  for name, export in sorted(guest.exports) do
    if name ~= "forever" then
      keep(export)
      if type(export) == "function" then functions[#functions + 1] = export end
      if type(export) == "table" then
        for method, f in sorted(export) do
          functions[#functions + 1] = function(...) return f(export, ...) end
        end
      end
    end
  end
end
load()
functions[#functions + 1] = function(path, imports)
  return wasm.load(random(2) == 1 and "../modules/importer.wat" or path, { guest = imports })
end
functions[#functions + 1] = wasm.load
functions[#functions + 1] = function() return wasm.load("../modules/importer.wat", { guest = guest.exports }) end
functions[#functions + 1] = function(v) guest.exports.counter.value = v end
functions[#functions + 1] = tostring
functions[#functions + 1] = collectgarbage

function step()
  local f = functions[random(#functions)]
  local args = {}
  local count = random(0, 5)
  for index = 1, count do args[index] = value() end
  -- Handles are what most functions want.
  if random(3) > 1 then args[1] = pool[random(#pool)] end
  if f == collectgarbage then args, count = {}, 0 end
  local results = table.pack(pcall(f, table.unpack(args, 1, count)))
  if results[1] then
    for index = 2, results.n do keep(results[index]) end
  else
    assert(type(results[2]) ~= "userdata" or raised[results[2]], "an error of the host that is no string")
  end
  if random(50) == 1 then pool[random(37, #pool)] = 0 end
end

for _ = 1, STEPS do step() end
for offset = 0, 63 do assert(m.read_uint8(canary, offset) == 0x5a or false, offset) end
print("done")
