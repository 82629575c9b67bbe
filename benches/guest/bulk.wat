;; The bulk instructions: each export makes $n passes of 64 KiB, in pieces of the size in its name.
(module
  (memory 4)
  (data $text "The quick brown fox jumps over the lazy dog; 0123456789 +-*/=.!?")

  (func (export "fill_64k") (param $n i32) (result i64)
    (loop $pass
      (memory.fill (i32.const 0x10) (local.get $n) (i32.const 0x10000))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0x8000)))

  (func (export "fill_64") (param $n i32) (result i64)
    (local $addr i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (memory.fill (local.get $addr) (local.get $n) (i32.const 64))
        (local.set $addr (i32.add (local.get $addr) (i32.const 64)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "copy_64k") (param $n i32) (result i64)
    (loop $pass
      (memory.copy (i32.const 0x20000) (i32.const 0x8) (i32.const 0x10000))
      (i32.store (i32.const 0x8) (local.get $n))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0x20000)))

  ;; The ranges overlap, so the copy has to begin at the right end.
  (func (export "copy_64k_up") (param $n i32) (result i64)
    (loop $pass
      (i32.store (i32.const 0x8) (local.get $n))
      (memory.copy (i32.const 0x18) (i32.const 0x8) (i32.const 0x10000))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0x38)))

  (func (export "copy_64") (param $n i32) (result i64)
    (local $addr i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (memory.copy
          (i32.add (local.get $addr) (i32.const 0x20000)) (local.get $addr) (i32.const 64))
        (local.set $addr (i32.add (local.get $addr) (i32.const 64)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (i32.store (i32.const 0) (local.get $n))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0x20000)))

  (func (export "init_64") (param $n i32) (result i64)
    (local $addr i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (memory.init $text (local.get $addr) (i32.const 0) (i32.const 64))
        (local.set $addr (i32.add (local.get $addr) (i32.const 64)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))
)
