;; Typed references to functions. Each export makes $n passes of 1,024 operations.
(module
  (type $unary (func (param i32) (result i32)))
  (type $step (func (param i32 i32) (result i32)))
  (table $functions 4 (ref null $unary))
  (elem declare func $increment $countdown)
  (elem (table $functions) (i32.const 0) (ref null $unary)
    (item ref.func $double) (item ref.func $increment) (item ref.func $invert)
    (item ref.null $unary))

  (func $double (type $unary) (i32.shl (local.get 0) (i32.const 1)))
  (func $increment (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $invert (type $unary) (i32.xor (local.get 0) (i32.const -1)))

  (func (export "call_ref") (param $n i32) (result i64)
    (local $i i32) (local $x i32) (local $f (ref null $unary))
    (local.set $f (ref.func $increment))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x (call_ref $unary (local.get $x) (local.get $f)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))

  ;; What closures without state become: a reference that a function is given.
  (func $apply (param $f (ref $unary)) (param $x i32) (result i32)
    (call_ref $unary (local.get $x) (local.get $f)))

  (func (export "apply") (param $n i32) (result i64) (local $i i32) (local $x i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x (call $apply (ref.func $increment) (local.get $x)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))

  ;; Elements of a table, of which one is null and is left out.
  (func (export "br_on_null") (param $n i32) (result i64) (local $i i32) (local $x i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (block $null
          (local.set $x
            (call_ref $unary
              (local.get $x)
              (br_on_null $null (table.get $functions (i32.and (local.get $i) (i32.const 3)))))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))

  (func $countdown (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $step
      (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (local.get 0))
      (ref.func $countdown)))

  (func (export "return_call_ref") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (call $countdown (i32.const 1024) (local.get $sum)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
