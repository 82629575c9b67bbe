-- Calls across the border, as often as the arguments say: `calls.lua KIND COUNT`.
local kind, n = arg[1], tonumber(arg[2])
local function plain(a, b) return (a + b) & 0x7fffffff end
local guest = wasm.load("calls.wat", { m = { f = plain } })
local add, memory, read, sum = guest.exports.add, guest.memory, m.read_int32, 0
if kind == "export" then for i = 1, n do sum = add(sum & 0xffff, i) end
elseif kind == "import" then guest.exports.each(n)
elseif kind == "read" then for i = 1, n do sum = sum + read(memory, i & 1020) end
else for i = 1, n do sum = plain(sum, i) end end
