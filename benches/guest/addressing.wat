;; The ways addresses are made: constant offsets, unaligned, indexed with a scale, descending,
;; random. Each export makes $n passes, each of which loads or stores 64 KiB in all.
(module
  (memory 2)

  (func $prepare (local $addr i32)
    (loop $next
      (i32.store (local.get $addr) (i32.mul (local.get $addr) (i32.const 0x9E3779B1)))
      (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x20000)))))
  (start $prepare)

  ;; Eight loads from one address with different offsets, as from a struct.
  (func (export "constant_offsets") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum)
          (i32.add
            (i32.add
              (i32.add (i32.load offset=0 (local.get $addr)) (i32.load offset=4 (local.get $addr)))
              (i32.add (i32.load offset=8 (local.get $addr)) (i32.load offset=12 (local.get $addr))))
            (i32.add
              (i32.add (i32.load offset=16 (local.get $addr)) (i32.load offset=20 (local.get $addr)))
              (i32.add (i32.load offset=24 (local.get $addr)) (i32.load offset=28 (local.get $addr)))))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  ;; Constant addresses, as of global variables.
  (func (export "constant_addresses") (param $n i32) (result i64)
    (local $count i32)
    (loop $pass
      (local.set $count (i32.const 2048))
      (loop $next
        (i32.store (i32.const 0x1000) (i32.add (i32.load (i32.const 0x1000)) (local.get $n)))
        (i32.store (i32.const 0x2004) (i32.xor (i32.load (i32.const 0x1000)) (local.get $count)))
        (i64.store (i32.const 0x3008) (i64.add (i64.load (i32.const 0x3008)) (i64.const 5)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.add (i64.load (i32.const 0x3008)) (i64.load32_u (i32.const 0x2004))))

  (func (export "unaligned") (param $n i32) (result i64)
    (local $addr i32) (local $sum i64)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load offset=3 align=1 (local.get $addr))))
        (local.set $addr (i32.add (local.get $addr) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x10000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (local.get $sum))

  ;; base + (index << 2), the index counting up.
  (func (export "indexed") (param $n i32) (result i64)
    (local $base i32) (local $index i32) (local $sum i32)
    (local.set $base (i32.const 0x100))
    (loop $pass
      (local.set $index (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum)
          (i32.load (i32.add (local.get $base) (i32.shl (local.get $index) (i32.const 2))))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $index) (i32.const 0x4000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "descending") (param $n i32) (result i64)
    (local $addr i32) (local $sum i32)
    (loop $pass
      (local.set $addr (i32.const 0x10000))
      (loop $next
        (local.set $addr (i32.sub (local.get $addr) (i32.const 4)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $addr))))
        (br_if $next (local.get $addr)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "random") (param $n i32) (result i64)
    (local $count i32) (local $state i32) (local $sum i32)
    (loop $pass
      (local.set $count (i32.const 0x4000))
      (loop $next
        (local.set $state
          (i32.add (i32.mul (local.get $state) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $sum (i32.add (local.get $sum)
          (i32.load (i32.and (i32.shr_u (local.get $state) (i32.const 12)) (i32.const 0x1fffc)))))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  ;; A copy by hand: a load and a store for each 8 bytes (32 KiB from here to there).
  (func (export "copy_loop") (param $n i32) (result i64)
    (local $from i32) (local $to i32)
    (loop $pass
      (local.set $from (i32.const 0))
      (local.set $to (i32.const 0x8000))
      (loop $next
        (i64.store (local.get $to) (i64.load (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $from) (i32.const 0x8000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0xfff8)))

  ;; Read, modify, write in place.
  (func (export "update") (param $n i32) (result i64)
    (local $addr i32)
    (loop $pass
      (local.set $addr (i32.const 0))
      (loop $next
        (i32.store (local.get $addr) (i32.add (i32.load (local.get $addr)) (i32.const 7)))
        (local.set $addr (i32.add (local.get $addr) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $addr) (i32.const 0x8000))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.load (i32.const 0x7ff8)))
)
