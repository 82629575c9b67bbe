;; Accesses of a memory of the plainest kind, for comparison with `shared`, `wide` and `second`,
;; which have the same exports. Each makes $n passes that move 64 KiB.
(module
  (memory 2)

  ;; Each word has the address of another one, so that all are in one circle.
  (func $prepare (local $a i32)
    (loop $next
      (i32.store (local.get $a)
        (i32.and (i32.add (local.get $a) (i32.const 0x5a24)) (i32.const 0xfffc)))
      (local.set $a (i32.add (local.get $a) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000)))))
  (start $prepare)

  (func (export "load_i32") (param $n i32) (result i64) (local $a i32) (local $sum i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $a))))
        (local.set $a (i32.add (local.get $a) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "load_u8") (param $n i32) (result i64) (local $a i32) (local $sum i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $a))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "load_i64") (param $n i32) (result i64) (local $a i32) (local $sum i64)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $a))))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Four fields of structs of 16 bytes.
  (func (export "load_fields") (param $n i32) (result i64) (local $a i32) (local $sum i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (i32.add
              (i32.add (i32.load offset=4 (local.get $a)) (i32.load offset=12 (local.get $a)))
              (i32.add (i32.load offset=8 (local.get $a)) (i32.load (local.get $a))))))
        (local.set $a (i32.add (local.get $a) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Each load has the address of the next one.
  (func (export "chase") (param $n i32) (result i64) (local $a i32) (local $count i32)
    (loop $pass
      (local.set $count (i32.const 16384))
      (loop $next
        (local.set $a (i32.load (local.get $a)))
        (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $a)))

  (func (export "store_i32") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (i32.store offset=0x10000 (local.get $a) (local.get $n))
        (local.set $a (i32.add (local.get $a) (i32.const 4)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8)))

  (func (export "store_u8") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (i32.store8 offset=0x10000 (local.get $a) (local.get $n))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8)))

  (func (export "store_i64") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (i64.store offset=0x10000 (local.get $a) (i64.extend_i32_u (local.get $n)))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8)))

  ;; Every other word is read and written.
  (func (export "update") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (i32.store offset=0x10000 (local.get $a)
          (i32.add (i32.load offset=0x10000 (local.get $a)) (local.get $n)))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8)))

  (func (export "copy_64") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (memory.copy
          (i32.add (local.get $a) (i32.const 0x10000)) (local.get $a) (i32.const 64))
        (local.set $a (i32.add (local.get $a) (i32.const 64)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8)))

  (func (export "fill_64") (param $n i32) (result i64) (local $a i32)
    (loop $pass
      (local.set $a (i32.const 0))
      (loop $next
        (memory.fill
          (i32.add (local.get $a) (i32.const 0x10000)) (local.get $n) (i32.const 64))
        (local.set $a (i32.add (local.get $a) (i32.const 64)))
        (br_if $next (i32.lt_u (local.get $a) (i32.const 0x10000))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10ff8))))
