-- What people try first: each part is a small program of its own.
local function part(name, program)
  print("== " .. name)
  program()
end
-- The message of an error, as a script that catches it sees it.
local function failure(f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "there should be an error")
  return message
end

part("an array of numbers", function()
  local numbers = m.alloc(10 * 4)
  for i = 0, 9 do m.write_int32(numbers, i * 4, i * i) end
  local sum = 0
  for i = 0, 9 do sum = sum + m.read_int32(numbers, i * 4) end
  print(sum, m.get_size(numbers))
  m.free(numbers)
end)

part("a record", function()
  local Player = { health = 0, x = 4, y = 12, name = 20, size = 36 }
  local p = m.alloc(Player.size)
  m.write_uint32(p, Player.health, 100)
  m.write_double(p, Player.x, 1.5)
  m.write_double(p, Player.y, -2.25)
  m.write_string(p, Player.name, "Zoë")
  print(m.read_uint32(p, Player.health), m.read_double(p, Player.x), m.read_double(p, Player.y), m.read_string(p, Player.name))
  m.free(p)
end)

part("a class around a block", function()
  local Buffer = {}
  Buffer.__index = Buffer
  Buffer.__gc = function(self) if self.handle then m.free(self.handle) end end
  Buffer.__len = function(self) return m.get_size(self.handle) end
  function Buffer.new(size) return setmetatable({ handle = m.alloc(size) }, Buffer) end
  function Buffer:push(byte)
    self.used = (self.used or 0)
    if self.used == #self then m.resize(self.handle, #self * 2) end
    m.write_uint8(self.handle, self.used, byte)
    self.used = self.used + 1
  end
  local buffer = Buffer.new(2)
  for byte in ("hello"):gmatch(".") do buffer:push(byte:byte()) end
  print(#buffer, buffer.used, m.read_string(buffer.handle, 0, buffer.used))
end)

part("one past the end", function()
  local h = m.alloc(16)
  print(failure(function() for i = 0, 4 do m.write_int32(h, i * 4, i) end end))
  print(m.read_int32(h, 12))
  m.free(h)
end)

part("lua counts from 1", function()
  local h = m.alloc(3)
  for i = 1, 2 do m.write_uint8(h, i, i) end
  print(failure(m.write_uint8, h, 3, 3))
  print(failure(m.write_uint8, h, -1, 3))
  print(failure(m.write_uint8, h, 0.5, 3))
end)

part("after free", function()
  local h = m.alloc(8)
  m.free(h)
  print(failure(m.read_int32, h, 0))
  print(failure(m.write_int32, h, 0, 1))
  print(failure(m.free, h))
  print(failure(m.get_size, h))
  print(tostring(h))
end)

part("wrong kinds of values", function()
  local h = m.alloc(8)
  print(failure(m.write_int32, h, 0, "12"))
  print(failure(m.write_int32, h, "0", 12))
  print(failure(m.write_int32, h, 0, 1.5))
  print(failure(m.write_int32, h, 0))
  print(failure(m.write_uint8, h, 0, 256))
  print(failure(m.read_int32))
  print(failure(m.read_int32, 1234, 0))
  print(failure(m.read_double, nil, 0))
  print(failure(m.alloc, -1))
  print(failure(m.alloc, "big"))
end)

part("more than there is", function()
  print(m.alloc(1 << 60))
end)

part("text", function()
  local h = m.alloc(32)
  print(m.write_string(h, 0, "grün"), m.read_string(h, 0), m.read_string(h, 0, 2))
  print(m.write_wide_string(h, 8, "日本"), m.read_wide_string(h, 8))
  print(failure(m.write_string, h, 28, "four"))
  m.fill(h, 0, 65, 32)
  print(failure(m.read_string, h, 0))
end)

part("two blocks", function()
  local a, b = m.alloc(8), m.alloc(8)
  m.write_string(a, 0, "1234567")
  m.copy(b, 0, a, 0, 8)
  m.write_uint8(b, 0, ("X"):byte())
  print(m.read_string(a, 0), m.read_string(b, 0))
  m.copy(a, 1, a, 0, 6)
  print(m.read_string(a, 0))
  print(failure(m.copy, b, 4, a, 0, 5))
end)

part("a module's function", function()
  local guest = wasm.load("../modules/guest.wat", { env = { visit = function(n) return n + 1 end, scale = 10 } })
  print(guest.exports.add(2, 3), guest.exports.halve(5), guest.exports.divmod(17, 5))
  print(guest.exports.add64(math.maxinteger, 1) == math.mininteger)
  print(guest.exports.call_visit(4))
  print(guest.exports.counter.value, guest.exports.fixed.value)
end)

part("a module's memory", function()
  local guest = wasm.load("../modules/guest.wat", { env = { visit = function(n) return n end, scale = 1 } })
  print(m.read_string(guest.memory, 16), m.get_size(guest.memory))
  m.write_int32(guest.memory, 100, 77)
  print(guest.exports.peek(100))
  print(guest.exports.grow(1), m.get_size(guest.memory))
  print(failure(m.read_int32, guest.memory, 1 << 20))
  print(failure(m.free, guest.memory))
end)

part("what goes wrong in a module", function()
  local guest = wasm.load("../modules/guest.wat", { env = { visit = function() error("not today", 0) end, scale = 1 } })
  print((failure(guest.exports.divide, 1, 0):gsub("\n.*", "")))
  print((failure(guest.exports.peek, -1):gsub("\n.*", "")))
  print((failure(guest.exports.call_visit, 1):gsub("\n.*", "")))
  print((failure(guest.exports.add, 1):gsub("\n.*", "")))
  print((failure(guest.exports.add, 1, "x"):gsub("\n.*", "")))
  print(failure(function() return guest.exports.ad(1, 2) end))
end)

part("modules that are not there", function()
  print((failure(wasm.load, "missing.wasm"):gsub("\n.*", "")))
  print((failure(wasm.load, "../modules/guest.wat"):gsub("\n.*", "")))
  print((failure(wasm.load, "newcomers.lua"):gsub("\n.*", "")))
end)

part("callbacks that call back", function()
  local depth, guest = 0
  guest = wasm.load("../modules/guest.wat", { env = { scale = 1, visit = function(n)
    depth = depth + 1
    return n == 0 and 0 or guest.exports.call_visit(n - 1) + 1
  end } })
  print(guest.exports.call_visit(10), depth)
  local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(guest.exports.twice(i)) end end)
  print(co(), co(), co())
end)
