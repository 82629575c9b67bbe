;; A stack in linear memory, as compilers keep for variables whose address is taken. Each export
;; makes $n passes that move 64 KiB through it.
(module
  (memory 2)
  (global $sp (mut i32) (i32.const 0x20000))

  ;; Frames of 32 bytes for calls that only pass an array down: 1,024 calls, each writing and
  ;; reading its frame.
  (func $frame (param $x i32) (result i32)
    (local $sp i32)
    (global.set $sp (local.tee $sp (i32.sub (global.get $sp) (i32.const 32))))
    (i32.store offset=0 (local.get $sp) (local.get $x))
    (i32.store offset=4 (local.get $sp) (i32.add (local.get $x) (i32.const 1)))
    (i64.store offset=8 (local.get $sp) (i64.extend_i32_u (local.get $x)))
    (i64.store offset=16 (local.get $sp) (i64.const -1))
    (i64.store offset=24 (local.get $sp) (i64.const 3))
    (local.set $x (call $sum (local.get $sp)))
    (global.set $sp (i32.add (local.get $sp) (i32.const 32)))
    (local.get $x))

  (func $sum (param $p i32) (result i32)
    (i32.add
      (i32.add (i32.load offset=0 (local.get $p)) (i32.load offset=4 (local.get $p)))
      (i32.wrap_i64
        (i64.add
          (i64.load offset=8 (local.get $p))
          (i64.add (i64.load offset=16 (local.get $p)) (i64.load offset=24 (local.get $p)))))))

  (func (export "frames") (param $n i32) (result i64)
    (local $count i32) (local $sum i32)
    (loop $pass
      (local.set $count (i32.const 1024))
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (call $frame (local.get $count))))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))

  ;; A loop with all its variables in memory, as in code that was not optimised.
  (func (export "variables") (param $n i32) (result i64)
    (local $sp i32)
    (global.set $sp (local.tee $sp (i32.sub (global.get $sp) (i32.const 16))))
    (i32.store offset=12 (local.get $sp) (local.get $n))
    (i32.store offset=8 (local.get $sp) (i32.const 0))
    (loop $pass
      (i32.store offset=4 (local.get $sp) (i32.const 2341))
      (loop $next
        (i32.store offset=8 (local.get $sp)
          (i32.add
            (i32.mul (i32.load offset=8 (local.get $sp)) (i32.const 31))
            (i32.xor
              (i32.load offset=4 (local.get $sp)) (i32.load offset=12 (local.get $sp)))))
        (i32.store offset=4 (local.get $sp)
          (i32.sub (i32.load offset=4 (local.get $sp)) (i32.const 1)))
        (br_if $next (i32.load offset=4 (local.get $sp))))
      (i32.store offset=12 (local.get $sp)
        (i32.sub (i32.load offset=12 (local.get $sp)) (i32.const 1)))
      (br_if $pass (i32.load offset=12 (local.get $sp))))
    (global.set $sp (i32.add (local.get $sp) (i32.const 16)))
    (i64.load32_u offset=8 (local.get $sp)))

  ;; A postfix calculator: operands are pushed and popped through $sp.
  (func $push (param $x i32)
    (global.set $sp (i32.sub (global.get $sp) (i32.const 4)))
    (i32.store (global.get $sp) (local.get $x)))

  (func $pop (result i32)
    (i32.load (global.get $sp))
    (global.set $sp (i32.add (global.get $sp) (i32.const 4))))

  (func (export "push_pop") (param $n i32) (result i64)
    (local $count i32) (local $sum i32)
    (loop $pass
      (local.set $count (i32.const 2730))
      (loop $next
        (call $push (local.get $sum))
        (call $push (local.get $count))
        (call $push (i32.const 3))
        (call $push (i32.mul (call $pop) (call $pop)))
        (call $push (i32.add (call $pop) (call $pop)))
        (local.set $sum (call $pop))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $pass (local.get $n)))
    (i64.extend_i32_u (local.get $sum)))
)
