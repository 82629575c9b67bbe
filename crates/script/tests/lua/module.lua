-- Modules: exports of each kind, and functions of the script that they import.
local visited = {}
local imports = {
  env = {
    visit = function(n)
      visited[#visited + 1] = n
      return n + 1
    end,
    scale = 10,
  },
}
local guest = wasm.load("../modules/guest.wat", imports)
local e = guest.exports
print(e.add(2, 3), e.add(0xffffffff, 1), e.add64(math.maxinteger, 1) == math.mininteger)
print(e.halve(5), e.third(1), e.divmod(17, 5))
print(e.call_visit(4), e.call_visit(-5), table.concat(visited, ","))
assert(math.type(e.add(1, 1)) == "integer" and math.type(e.halve(4)) == "float")

-- The memory.
assert(guest.memory == e.memory)
print(m.get_size(guest.memory), m.read_string(guest.memory, 16), m.read_wide_string(guest.memory, 32))
m.write_int32(guest.memory, 100, -77)
print(e.peek(100))
assert(m.resize(guest.memory, 2 * 65536) == guest.memory)
print(e.grow(1), m.get_size(guest.memory), m.resize(guest.memory, 4 * 65536))
local block = m.alloc(6)
m.copy(block, 0, guest.memory, 16, 6)
print(m.read_string(block, 0))

-- Globals and tables.
print(e.counter.value, e.counter:get(), e.fixed.value)
e.counter.value = math.mininteger
e.counter:set(e.counter:get() + 1)
print(e.counter.value == math.mininteger + 1)
print(#e.table, e.table:get(0)(21), e.table:get(1))
e.table:set(1, e.add)
print(e.table:get(1)(20, 22), e.table:grow(1), e.table:size())

-- References and vectors.
local key = {}
assert(e.same_extern(key) == key and e.same_extern(nil) == nil and e.same_extern("x") == "x")
assert(e.same_func(e.twice)(4) == 8 and e.same_func(nil) == nil)
print(e.same_vector("0123456789abcdef"))

-- One module's exports are another's imports.
local importer = wasm.load("../modules/importer.wat", { guest = e })
e.counter.value = 41
print(importer.exports.count(), importer.exports.first(), importer.exports.sum())

local function fails(f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok)
  -- What follows is for the tests of the engine.
  local trap = message:match("^%w+: wasm trap: [%a ]*")
  if trap then assert(message:find("\n  wasm backtrace", 1, true), message) end
  print(trap or (message:gsub("(is not a valid module).*", "%1")))
end
fails(e.add, 1)
fails(e.add, 1, 2, 3)
fails(e.add, 1, "2")
fails(e.add, 1, 1.5)
fails(e.add, 1, 4294967296)
fails(e.halve, {})
fails(e.same_vector, "short")
fails(e.same_func, print)
fails(e.divide, 1, 0)
fails(e.peek, -1)
fails(m.read_int32, guest.memory, 3 * 65536 - 3)
fails(m.free, guest.memory)
fails(m.resize, guest.memory, 5)
fails(m.resize, guest.memory, 3 * 65536 + 5)
fails(function() e.fixed.value = 1 end)
fails(function() e.counter.value = "x" end)
fails(function() e.counter.other = 1 end)
fails(function() e.table:get(99) end)
fails(function() e.table:set(0, 5) end)
fails(wasm.load, "missing.wasm")
fails(wasm.load, "module.lua")
fails(wasm.load, "../modules/guest.wat")
fails(wasm.load, "../modules/guest.wat", 5)
fails(wasm.load, "../modules/guest.wat", { env = 5 })
fails(wasm.load, "../modules/guest.wat", { env = { visit = 5, scale = 1 } })
fails(wasm.load, "../modules/guest.wat", { env = { visit = print, scale = "x" } })
fails(wasm.load, "../modules/importer.wat", { guest = { memory = guest.memory, counter = e.counter, table = e.memory, add = e.add } })
