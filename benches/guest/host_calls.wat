;; Calls of functions of the host: `host.nothing`, `host.add` and `host.blend` are what benches/src/engines
;; defines. Each export makes $n passes of 1,024 calls.
(module
  (type $add (func (param i32 i32) (result i32)))
  (import "host" "nothing" (func $nothing))
  (import "host" "add" (func $add (type $add)))
  (import "host" "blend" (func $blend (param i64 f64 i32 i64) (result i64)))
  (table funcref (elem $add $own))

  (func $own (type $add) (i32.add (local.get 0) (local.get 1)))

  (func (export "nothing") (param $n i32) (result i64) (local $i i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (call $nothing)
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $i)))

  (func (export "add") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum (call $add (local.get $sum) (local.get $i)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Four values of several types.
  (func (export "blend") (param $n i32) (result i64) (local $i i32) (local $sum i64)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (call $blend
            (local.get $sum) (f64.convert_i32_u (local.get $i)) (local.get $i) (i64.const 3)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))

  ;; Through a table, in turn with a function of the guest's own.
  (func (export "indirect") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (call_indirect (type $add)
            (local.get $sum) (local.get $i) (i32.and (local.get $i) (i32.const 1))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; What `add` does, in the guest.
  (func (export "own") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum (call $own (local.get $sum) (local.get $i)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
