;; Every load, at ascending addresses: each export makes $n passes over 64 KiB and returns the sum
;; of what it loaded.
(module
  (memory 3)

  ;; The first page holds f64 halves, the second f32 halves, the third multiples of an odd number.
  (func $prepare (local $addr i32)
    (loop $next
      (f64.store (local.get $addr) (f64.const 0.5))
      (f32.store offset=0x10000 (local.get $addr) (f32.const 0.5))
      (f32.store offset=0x10004 (local.get $addr) (f32.const 0.5))
      (i64.store offset=0x20000 (local.get $addr)
        (i64.mul (i64.extend_i32_u (local.get $addr)) (i64.const 0x9E3779B97F4A7C15)))
      (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000)))))
  (start $prepare)

  (func (export "i32.load") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "i32.load8_s") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load8_s offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "i32.load8_u") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "i32.load16_s") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load16_s offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "i32.load16_u") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load16_u offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "i64.load") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load8_s") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load8_s offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load8_u") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load8_u offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load16_s") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load16_s offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load16_u") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load16_u offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load32_s") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load32_s offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "i64.load32_u") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load32_u offset=0x20000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  (func (export "f32.load") (param $n i32) (result i64)
    (local $addr i32) (local $sum f32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (f32.add (local.get $sum) (f32.load offset=0x10000 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.trunc_sat_f32_s (local.get $sum)))

  (func (export "f64.load") (param $n i32) (result i64)
    (local $addr i32) (local $sum f64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (f64.add (local.get $sum) (f64.load (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.trunc_sat_f64_s (local.get $sum)))
)
