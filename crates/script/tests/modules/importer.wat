;; Imports what guest.wat exports.
(module
  (import "guest" "memory" (memory 1))
  (import "guest" "counter" (global $counter (mut i64)))
  (import "guest" "table" (table 2 funcref))
  (import "guest" "add" (func $add (param i32 i32) (result i32)))
  (func (export "count") (result i64)
    (global.set $counter (i64.add (global.get $counter) (i64.const 1)))
    (global.get $counter))
  (func (export "first") (result i32) (i32.load8_u (i32.const 16)))
  (func (export "sum") (result i32) (call $add (i32.const 20) (i32.const 22))))
