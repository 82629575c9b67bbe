-- A block of memory whose end is exact:
--
--     cargo run --release -- script examples/scripts/blocks.lua
local point = m.alloc(16)
m.write_double(point, 0, 1.5)
m.write_double(point, 8, 2.5)
print(m.read_double(point, 0) + m.read_double(point, 8))
print(pcall(m.read_double, point, 9))
m.free(point)
