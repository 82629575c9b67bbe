;; A string, and a function that says where it is: its length in the high half of an i64.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "data")
  (func (export "get") (result i64) (i64.const 0x3_0000_0400)))
