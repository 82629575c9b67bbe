-- Blocks: each kind of access, at both ends.
local h = m.alloc(64)
print(m.get_size(h), tostring(h))

local kinds = {
  { "int8", 1, -128, 127 },
  { "int16", 2, -32768, 32767 },
  { "int32", 4, -2147483648, 2147483647 },
  { "int64", 8, math.mininteger, math.maxinteger },
  { "uint8", 1, 0, 255 },
  { "uint16", 2, 0, 65535 },
  { "uint32", 4, 0, 4294967295 },
}
for _, kind in ipairs(kinds) do
  local name, width, low, high = table.unpack(kind)
  local read, write = m["read_" .. name], m["write_" .. name]
  write(h, 0, low)
  write(h, 64 - width, high)
  assert(read(h, 0) == low and read(h, 64 - width) == high, name)
  assert(math.type(read(h, 0)) == "integer")
  assert(not pcall(read, h, 65 - width))
  assert(not pcall(write, h, 65 - width, 0))
  if name ~= "int64" then
    assert(not pcall(write, h, 0, low - 1), name)
    assert(not pcall(write, h, 0, high + 1), name)
  end
end
m.write_int32(h, 0, 3.0)
print(m.read_int32(h, 0))

m.write_float(h, 1, 0.1)
m.write_double(h, 9, 0.1)
print(m.read_float(h, 1), m.read_double(h, 9))
m.write_float(h, 1, 1e300)
print(m.read_float(h, 1), m.read_double(h, 9) == 0.1)

-- Little-endian.
m.write_uint32(h, 20, 0x01020304)
print(m.read_uint8(h, 20), m.read_uint16(h, 21))

print(m.write_string(h, 0, "grün"), m.read_string(h, 0), #m.read_string(h, 0), m.read_string(h, 0, 2))
print(m.write_wide_string(h, 0, "a😀"), m.read_wide_string(h, 0), m.read_uint16(h, 2), m.read_wide_string(h, 0, 1))

m.fill(h, 0, 0xAB, 64)
m.write_string(h, 10, "move me")
m.copy(h, 12, h, 10, 8)
print(m.read_string(h, 12), m.read_uint8(h, 63))

local other = m.alloc(8)
m.copy(other, 0, h, 12, 8)
print(m.read_string(other, 0))
assert(m.resize(other, 20) == other)
print(m.get_size(other), m.read_string(other, 0), m.read_uint8(other, 19))
m.resize(other, 4)
print(m.get_size(other), m.read_string(other, 0, 4))
m.fill(h, 0, 0, 64)
m.write_string(h, 0, "dump")
m.dump(h)
m.dump(h, 2, 5)
local empty = m.alloc(0)
print(m.get_size(empty), pcall(m.read_int8, empty, 0))
m.free(empty)
m.free(other)
m.free(h)
print(tostring(h))
