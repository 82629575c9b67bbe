;; Tables and calls through them. Each export makes $n passes of 1,024 operations.
(module
  (type $unary (func (param i32) (result i32)))
  (table $functions 8 funcref)
  (table $values 1024 funcref)
  (elem (table $functions) (i32.const 0) func
    $double $increment $invert $halve $double $increment $invert $halve)

  (func $double (type $unary) (i32.shl (local.get 0) (i32.const 1)))
  (func $increment (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $invert (type $unary) (i32.xor (local.get 0) (i32.const -1)))
  (func $halve (type $unary) (i32.shr_u (local.get 0) (i32.const 1)))

  ;; Which of the values are null.
  (func (export "get") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (table.set $values (i32.const 77) (ref.func $double))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum
          (i32.add (local.get $sum) (ref.is_null (table.get $values (local.get $i)))))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func (export "set") (param $n i32) (result i64) (local $i i32) (local $f funcref)
    (local.set $f (ref.func $halve))
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (table.set $values (local.get $i) (local.get $f))
        (br_if $next (local.get $i)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (ref.is_null (table.get $values (i32.const 1000)))))

  ;; Moves the elements on by one place.
  (func (export "move") (param $n i32) (result i64) (local $i i32)
    (table.set $values (i32.const 1023) (ref.func $invert))
    (loop $pass
      (local.set $i (i32.const 0))
      (loop $next
        (table.set $values
          (local.get $i)
          (table.get $values (i32.and (i32.add (local.get $i) (i32.const 1)) (i32.const 1023))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 1024))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (ref.is_null (table.get $values (i32.const 1022)))))

  ;; The whole table at once: an operation is an element.
  (func (export "fill") (param $n i32) (result i64)
    (loop $pass
      (table.fill $values (i32.const 0) (ref.func $double) (i32.const 1024))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (ref.is_null (table.get $values (i32.const 1000)))))

  (func (export "copy") (param $n i32) (result i64)
    (loop $pass
      (table.copy $values $values (i32.const 0) (i32.const 512) (i32.const 512))
      (table.copy $values $values (i32.const 512) (i32.const 0) (i32.const 512))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (ref.is_null (table.get $values (i32.const 100)))))

  ;; Always the same function.
  (func (export "call_one") (param $n i32) (result i64) (local $i i32) (local $x i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x (call_indirect $functions (type $unary) (local.get $x) (i32.const 1)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))

  ;; Four functions in turn.
  (func (export "call_four") (param $n i32) (result i64) (local $i i32) (local $x i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x
          (call_indirect $functions (type $unary)
            (local.get $x) (i32.and (local.get $i) (i32.const 3))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))

  ;; What `call_one` does, with direct calls.
  (func (export "call_direct") (param $n i32) (result i64) (local $i i32) (local $x i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $x (call $increment (local.get $x)))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x))))
