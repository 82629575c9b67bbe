;; Calls in tail position. Each export makes $n passes of 1,024 calls.
(module
  (type $step (func (param i32 i32) (result i32)))
  (table funcref (elem $red $green $blue $yellow))

  (func $self (type $step)
    (if (result i32) (local.get 0)
      (then
        (return_call $self
          (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (local.get 0))))
      (else (local.get 1))))

  (func (export "self") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (call $self (i32.const 1024) (local.get $sum)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; What `self` does, as a loop.
  (func $loop (type $step)
    (loop $next
      (if (local.get 0)
        (then
          (local.set 1 (i32.add (local.get 1) (local.get 0)))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
          (br $next))))
    (local.get 1))

  (func (export "loop") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (call $loop (i32.const 1024) (local.get $sum)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  (func $even (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $odd
      (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 3))))
  (func $odd (type $step)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (return_call $even
      (i32.sub (local.get 0) (i32.const 1)) (i32.xor (local.get 1) (local.get 0))))

  (func (export "mutual") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (call $even (i32.const 1024) (local.get $sum)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; Six arguments, none of which stays where it was.
  (func $rotate (param i32 i32 i32 i64 i64 i32) (result i32)
    (if (i32.eqz (local.get 5)) (then (return (i32.sub (local.get 0) (local.get 1)))))
    (return_call $rotate
      (local.get 1) (local.get 2) (local.get 0)
      (i64.add (local.get 4) (i64.const 1)) (local.get 3)
      (i32.sub (local.get 5) (i32.const 1))))

  (func (export "arguments") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum
        (call $rotate
          (local.get $sum) (i32.const 2) (local.get $n)
          (i64.const 5) (i64.const 7) (i32.const 1024)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum)))

  ;; A machine of four states, each of which is a function in a table: how fast interpreters
  ;; inside the guest are.
  (func $red (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1))
      (i32.and (local.get 1) (i32.const 3))))
  (func $green (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1)) (i32.mul (local.get 1) (i32.const 5))
      (i32.and (local.get 0) (i32.const 3))))
  (func $blue (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1)) (i32.xor (local.get 1) (local.get 0))
      (i32.and (i32.shr_u (local.get 1) (i32.const 4)) (i32.const 3))))
  (func $yellow (type $step)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i32.sub (local.get 0) (i32.const 1)) (i32.rotl (local.get 1) (i32.const 7))
      (i32.const 0)))

  (func (export "indirect") (param $n i32) (result i64) (local $sum i32)
    (loop $pass
      (local.set $sum (call $red (i32.const 1024) (local.get $sum)))
      (br_if $pass (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $sum))))
