;; Exceptions. Each export makes $n passes of 1,024 operations: throws, unless it says otherwise.
(module
  (tag $number (param i32))
  (tag $other (param i32 i64))

  (func $checked (param $x i32) (result i32)
    (if (i32.eq (local.get $x) (i32.const -1)) (then (throw $number (local.get $x))))
    (i32.add (local.get $x) (i32.const 1)))

  (func $thrower (param $x i32) (result i32)
    (throw $number (local.get $x)))

  ;; Nothing is thrown: 1,024 calls in one block with a handler.
  (func (export "around") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (block $done
        (drop
          (block $caught (result i32)
            (try_table (catch $number $caught)
              (local.set $i (i32.const 1024))
              (loop $next
                (local.set $sum (i32.add (local.get $sum) (call $checked (local.get $i))))
                (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
            (br $done)))
        (return (i64.const -1)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Nothing is thrown: 1,024 blocks with a handler, and a call in each.
  (func (export "inside") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (block $caught (result i32)
              (try_table (result i32) (catch $number $caught) (call $checked (local.get $i))))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Thrown and caught in one function.
  (func (export "near") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (block $caught (result i32)
              (try_table (catch $number $caught) (throw $number (local.get $i)))
              (unreachable))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Thrown by a callee.
  (func (export "callee") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (block $caught (result i32)
              (try_table (result i32) (catch $number $caught) (call $thrower (local.get $i))))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Thrown 16 calls further in, past handlers of other exceptions.
  (func $deep (param $depth i32) (param $x i32) (result i32)
    (block $caught (result i32 i64)
      (try_table (catch $other $caught)
        (if (local.get $depth)
          (then
            (return
              (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $x)))))
        (throw $number (local.get $x)))
      (unreachable))
    (drop))

  (func (export "far") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (block $caught (result i32)
              (try_table (result i32) (catch $number $caught)
                (call $deep (i32.const 16) (local.get $i))))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Caught as a reference and thrown again, as `finally` is compiled.
  (func $finally (param $x i32) (result i32)
    (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (return (call $thrower (local.get $x))))
      (unreachable))
    (throw_ref))

  (func (export "again") (param $n i32) (result i64) (local $i i32) (local $sum i32)
    (loop $pass
      (local.set $i (i32.const 1024))
      (loop $next
        (local.set $sum
          (i32.add (local.get $sum)
            (block $caught (result i32)
              (try_table (result i32) (catch $number $caught) (call $finally (local.get $i))))))
        (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
