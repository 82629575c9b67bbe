;; Mutable globals. Each export makes $n passes of 1,024 operations; state stays between calls.
(module
  (memory 1)
  (global $i32 (mut i32) (i32.const 0))
  (global $other (mut i32) (i32.const 1))
  (global $i64 (mut i64) (i64.const 0))
  (global $f64 (mut f64) (f64.const 0))
  (global $sp (mut i32) (i32.const 0x10000))

  ;; Adds 3 to a counter.
  (func (export "count_i32") (param $n i32) (result i64) (local $i i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (global.set $i32 (i32.add (global.get $i32) (i32.const 3)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (global.get $i32)))

  (func (export "count_i64") (param $n i32) (result i64) (local $i i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (global.set $i64 (i64.add (global.get $i64) (i64.extend_i32_u (local.get $i))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (global.get $i64))

  (func (export "sum_f64") (param $n i32) (result i64) (local $i i32)
    (global.set $f64 (f64.const 0))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (global.set $f64 (f64.add (global.get $f64) (f64.const 0.125)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.trunc_sat_f64_s (global.get $f64)))

  ;; Reads a global that nothing writes in the loop.
  (func (export "read") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum (i32.xor (i32.add (local.get $sum) (global.get $other)) (local.get $i)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "write") (param $n i32) (result i64) (local $i i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (global.set $i32 (i32.mul (local.get $i) (local.get $n)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (global.get $i32)))

  ;; A global as a condition and an operand of a comparison.
  (func (export "compare") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (if (i32.lt_u (local.get $i) (global.get $sp))
          (then (local.set $sum (i32.add (local.get $sum) (local.get $i)))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; A global as an address, which moves along: a pointer that bumps.
  (func (export "bump") (param $n i32) (result i64) (local $i i32)
    (loop $pass
      (global.set $i32 (i32.const 0))
      (local.set $i (i32.const 1024))
      (loop $next
        (i32.store (global.get $i32) (local.get $i))
        (global.set $i32 (i32.add (global.get $i32) (i32.const 16)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (i32.load (i32.const 160))))

  ;; Calls of a function that counts itself.
  (func $counted (param $x i32) (result i32)
    (global.set $i32 (i32.add (global.get $i32) (i32.const 1)))
    (i32.add (local.get $x) (i32.const 5)))

  (func (export "count_calls") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum (call $counted (local.get $sum)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (i32.add (local.get $sum) (global.get $i32))))

  ;; Calls of a function that keeps a variable in a frame below the stack pointer, as compilers
  ;; do for variables whose address is taken.
  (func $framed (param $x i32) (result i32) (local $sp i32)
    (global.set $sp (local.tee $sp (i32.sub (global.get $sp) (i32.const 16))))
    (i32.store offset=12 (local.get $sp) (local.get $x))
    (local.set $x (i32.mul (i32.load offset=12 (local.get $sp)) (i32.const 5)))
    (global.set $sp (i32.add (local.get $sp) (i32.const 16)))
    (local.get $x))

  (func (export "frames") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum (i32.add (local.get $i) (call $framed (local.get $sum))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
