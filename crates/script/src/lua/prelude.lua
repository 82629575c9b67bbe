-- What is easier said in Lua than in Rust: errors that name the caller's line, and what must not
-- be caught. It gets the functions of the host and returns what the host calls.
local native = ...
local error, select, setmetatable, tostring = error, select, setmetatable, tostring
local pcall, xpcall, resume, load, concat = pcall, xpcall, coroutine.resume, load, table.concat
local traceback, type, open = native.traceback, type, io.open
native.traceback = nil

-- The error that ends the script, once there is one: `pcall` cannot stop it.
local ending = nil

local function finish(ok, ...)
  if ok then return ... end
  if ok == nil then error((...), 0) end
  error((...), 2)
end

-- A function of the host returns `true` and results, `false` and a message, or `nil` and an error
-- that a script has thrown.
local function wrap(raw)
  return function(...) return finish(raw(...)) end
end

local function unless_ending(...)
  if ending then error(ending, 0) end
  return ...
end

function _G.pcall(...) return unless_ending(pcall(...)) end
function _G.xpcall(...) return unless_ending(xpcall(...)) end
function coroutine.resume(...) return unless_ending(resume(...)) end

-- Compiled chunks are not checked, and could crash the interpreter.
function _G.load(chunk, name, _, ...)
  if select("#", ...) == 0 then return load(chunk, name, "t") end
  return load(chunk, name, "t", (...))
end
function _G.loadfile(name, _, ...)
  local file, message = open(name, "rb")
  if not file then return nil, message end
  local text = file:read("a"):gsub("^#[^\n]*", "")
  file:close()
  return _G.load(text, "@" .. name, "t", ...)
end
function _G.dofile(name)
  local chunk, message = _G.loadfile(name)
  if not chunk then error(message, 0) end
  return chunk()
end

local write = wrap(native.write)

function _G.print(...)
  local texts = {...}
  for index = 1, select("#", ...) do texts[index] = tostring(texts[index]) end
  write(concat(texts, "\t") .. "\n")
end

local stdout, output, c_write = io.stdout, io.output, io.write
stdout:setvbuf("no")
function io.write(...)
  if output() ~= stdout then return c_write(...) end
  for index = 1, select("#", ...) do
    local text = (select(index, ...))
    local kind = type(text)
    if kind ~= "string" and kind ~= "number" then
      error(("bad argument #%d to 'write' (string expected, got %s)"):format(index, kind), 2)
    end
    write(tostring(text))
  end
  return stdout
end

os.exit = wrap(native.exit)
engine = { log = wrap(native.log) }
wasm = { load = wrap(native.load) }
m = {}
for name, raw in pairs(native.memory) do m[name] = wrap(raw) end
-- Most accesses are as they should be. What is wrong with the others, the slow functions say.
for name, quick in pairs(native.reads) do
  local slow = m[name]
  m[name] = function(handle, offset)
    local value = quick(handle, offset)
    if value ~= nil then return value end
    return slow(handle, offset)
  end
end
for name, quick in pairs(native.writes) do
  local slow = m[name]
  m[name] = function(handle, offset, value)
    if not quick(handle, offset, value) then return slow(handle, offset, value) end
  end
end

return {
  wrap = wrap,
  -- Calls a function for a guest.
  call = pcall,
  -- Runs the script.
  main = function(chunk, ...)
    return xpcall(chunk, function(message)
      if ending or type(message) ~= "string" then return message end
      return traceback(message)
    end, ...)
  end,
  stop = function(message)
    ending = message
  end,
  global = function(get, set)
    get, set = wrap(get), wrap(set)
    return setmetatable({ get = function() return get() end, set = function(_, value) return set(value) end }, {
      __index = function(_, name) if name == "value" then return get() end end,
      __newindex = function(_, name, value)
        if name ~= "value" then error(("a global has no field '%s'"):format(tostring(name)), 2) end
        return set(value)
      end,
      __name = "wasm global",
    })
  end,
  table = function(get, set, size, grow)
    get, set, size, grow = wrap(get), wrap(set), wrap(size), wrap(grow)
    return setmetatable({
      get = function(_, index) return get(index) end,
      set = function(_, index, value) return set(index, value) end,
      size = function() return size() end,
      grow = function(_, by, value) return grow(by, value) end,
    }, { __len = function() return size() end, __name = "wasm table" })
  end,
}
