;; What `calls.lua`, `calls.star` and `calls.js` call. `calls.js` has its bytes: `wat2wasm calls.wat`.
(module
  (import "m" "f" (func $f (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "each") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (call $f (local.get $sum) (local.get $n)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
