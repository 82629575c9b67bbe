;; Every store, at ascending addresses: each export makes $n passes over 64 KiB and returns some of
;; what is in memory then.
(module
  (memory 1)

  (func (export "i32.store") (param $n i32) (result i64)
    (local $addr i32) (local $value i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (local.get $n))
      (loop $next
        (i32.store (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i32.store8") (param $n i32) (result i64)
    (local $addr i32) (local $value i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (local.get $n))
      (loop $next
        (i32.store8 (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i32.store16") (param $n i32) (result i64)
    (local $addr i32) (local $value i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (local.get $n))
      (loop $next
        (i32.store16 (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i64.store") (param $n i32) (result i64)
    (local $addr i32) (local $value i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (i64.extend_i32_u (local.get $n)))
      (loop $next
        (i64.store (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i64.store8") (param $n i32) (result i64)
    (local $addr i32) (local $value i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (i64.extend_i32_u (local.get $n)))
      (loop $next
        (i64.store8 (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i64.store16") (param $n i32) (result i64)
    (local $addr i32) (local $value i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (i64.extend_i32_u (local.get $n)))
      (loop $next
        (i64.store16 (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "i64.store32") (param $n i32) (result i64)
    (local $addr i32) (local $value i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (i64.extend_i32_u (local.get $n)))
      (loop $next
        (i64.store32 (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "f32.store") (param $n i32) (result i64)
    (local $addr i32) (local $value f32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (f32.convert_i32_u (local.get $n)))
      (loop $next
        (f32.store (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  (func (export "f64.store") (param $n i32) (result i64)
    (local $addr i32) (local $value f64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (local.set $value (f64.convert_i32_u (local.get $n)))
      (loop $next
        (f64.store (local.get $addr) (local.get $value))
        (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))
)
